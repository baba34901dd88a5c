/*
 * Fuzzes the configuration: any bytes are either a configuration or one printable line of why not.
 */
#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_one_line(const char *why)
{
    if (why[0] == '\0')
        abort();
    for (; *why != '\0'; why++) {
        if (*why < 0x20 || *why > 0x7e)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct config_source source = {"locum.yaml", {data, size}};
    struct config *config = NULL;
    char why[COMPLAINT_MAX] = "";
    enum error error = config_parse(&source, 1, &config, why);

    if (error == ERR_NONE)
        config_free(config);
    else
        expect_one_line(why);
    return 0;
}
