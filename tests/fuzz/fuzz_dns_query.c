/*
 * Fuzz target: the parser of queries, held against ldns: what it takes for well formed, ldns must
 * be able to read, with the same name, type and OPT.
 */
#include <ldns/ldns.h>
#include <stdlib.h>

#include "dns/query.h"
#include "dns/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* Records other than OPT have RDATA that ldns reads by its type and we do not read at all. */
static bool has_other_records(const struct dns_query *query)
{
    const uint8_t *at = query->message.data;
    return at[6] != 0 || at[7] != 0 || at[8] != 0 || at[9] != 0 || at[10] != 0 ||
           at[11] != (query->has_opt ? 1 : 0);
}

static void compare(const struct dns_query *query)
{
    ldns_pkt *packet = NULL;
    require(ldns_wire2pkt(&packet, query->message.data, query->message.length) == LDNS_STATUS_OK);
    const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(packet), 0);
    const ldns_rdf *name = ldns_rr_owner(question);
    require(slice_equal_nocase(dns_name_slice(&query->name),
                               slice_of(ldns_rdf_data(name), ldns_rdf_size(name))));
    require(query->type == (uint16_t)ldns_rr_get_type(question));
    require(query->class == (uint16_t)ldns_rr_get_class(question));
    require(query->has_opt == ldns_pkt_edns(packet));
    if (query->has_opt) {
        require(query->payload == ldns_pkt_edns_udp_size(packet));
        require(query->edns_version == ldns_pkt_edns_version(packet));
        require(query->dnssec_ok == ldns_pkt_edns_do(packet));
    }
    ldns_pkt_free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_query query;
    struct dns_tsig tsig;
    uint8_t *message = malloc(size + 1);
    require(message != NULL);
    memcpy(message, data, size);
    enum dns_verdict verdict = dns_query_parse(slice_of(message, size), false, &query);
    if (verdict != DNS_IGNORE) {
        require(query.question_end >= DNS_HEADER_LENGTH && query.question_end <= size);
        if (query.tsig_at != 0)
            require(dns_tsig_read(query.message, query.tsig_at, &tsig) == ERR_NONE);
    }
    if (verdict == DNS_WELL_FORMED && !has_other_records(&query))
        compare(&query);
    free(message);
    return 0;
}
