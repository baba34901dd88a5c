/*
 * Fuzzes what the serving process takes from the outbound process: a process that may have been
 * taken over must not take over the other one by its messages.
 */
#include "daemon/reload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reload reload;
    struct config *config = NULL;
    char why[COMPLAINT_MAX];

    if (reload_decode(slice_of(data, size), &reload) != ERR_NONE)
        return 0;
    if (config_parse(reload.sources, reload.source_count, &config, why) == ERR_NONE)
        config_free(config);
    reload_fini(&reload);
    return 0;
}
