/*
 * Static records: master-file text from the configuration (RFC 1035, section 5; RFC 3597 for types
 * nobody knows), parsed by ldns at start-up, held against what a delegate zone may contain.
 *
 * Refused: what the server makes itself (SOA, DNSSEC), what would need answers that it does not
 * build (wildcards, DNAME, NS below the apex), and names that it would never be asked for here.
 */
#include <ldns/ldns.h>
#include <stdlib.h>
#include <strings.h>

#include "dns/protocol.h"
#include "zone/master_file.h"
#include "zone/zone_build.h"

struct parser {
    struct zone_builder *builder;
    ldns_rdf *origin;
    ldns_rdf *previous; /* owner of the record before: entries that begin with a blank have it */
    uint32_t ttl;
    size_t line; /* where the entry at hand begins */
};

static const char *type_refusal(uint16_t type, bool at_apex)
{
    switch (type) {
    case DNS_TYPE_SOA:
        return "the SOA record is made by the server; leave it out";
    case DNS_TYPE_NS:
        return at_apex ? NULL
                       : "NS records below the zone's own name (sub-delegations) are not "
                         "supported";
    case DNS_TYPE_CNAME:
        return at_apex ? "a CNAME can't stand at the zone's own name (RFC 1034, section 3.6.2)"
                       : NULL;
    case DNS_TYPE_DNAME:
        return "DNAME records are not supported";
    case DNS_TYPE_SIG:
    case DNS_TYPE_NXT:
    case DNS_TYPE_RRSIG:
    case DNS_TYPE_NSEC:
    case DNS_TYPE_NSEC3:
    case DNS_TYPE_NSEC3PARAM:
        return "DNSSEC records are made by the server; leave them out";
    case 0:
    case DNS_TYPE_OPT:
        return "this type can't stand in a zone";
    default:
        /* RFC 6895, section 3.1: 128 to 255 are for questions and meta data. */
        return type >= 128 && type <= 255 ? "this type can't stand in a zone" : NULL;
    }
}

static bool has_wildcard(const struct dns_name *name)
{
    for (unsigned i = 0; i < name->labels; i++) {
        if (name->bytes[name->at[i]] == 1 && name->bytes[name->at[i] + 1] == '*')
            return true;
    }
    return false;
}

/* Whether a record of TYPE may stand at OWNER. TEXT is the owner as the operator knows it. */
static enum error check_record(struct parser *parser, const struct dns_name *owner,
                               const char *text, uint16_t type)
{
    struct zone_builder *builder = parser->builder;
    size_t line = parser->line;
    if (!dns_name_is_under(owner, builder->zone->name))
        return zone_refuse(builder, line, "\"%s\" is not inside the zone %s", text,
                           builder->zone_name);
    if (zone_set_find(builder->set, owner) != builder->zone)
        return zone_refuse(builder, line,
                           "\"%s\" belongs to another zone of this server; its "
                           "records go there",
                           text);
    if (has_wildcard(owner))
        return zone_refuse(builder, line, "\"%s\": wildcards are not supported", text);
    const char *why = type_refusal(type, owner->length == builder->zone->name.length);
    if (why != NULL)
        return zone_refuse(builder, line, "\"%s\": %s", text, why);
    return ERR_NONE;
}

/* The RDATA of RR in wire form, in memory of the set. */
static enum error copy_rdata(struct arena *memory, const ldns_rr *rr, struct slice *out)
{
    size_t length = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++)
        length += ldns_rdf_size(ldns_rr_rdf(rr, i));
    if (length > UINT16_MAX)
        return ERR_TOO_LARGE;
    uint8_t *bytes = arena_alloc_array(memory, 1, length);
    if (bytes == NULL)
        return ERR_MEMORY;
    struct writer writer = writer_of(bytes, length);
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *field = ldns_rr_rdf(rr, i);
        write_bytes(&writer, slice_of(ldns_rdf_data(field), ldns_rdf_size(field)));
    }
    *out = writer_slice(&writer);
    return ERR_NONE;
}

static enum error add_checked(struct parser *parser, const ldns_rr *rr, const char *text)
{
    struct zone_builder *builder = parser->builder;
    size_t line = parser->line;
    struct dns_name owner;
    const ldns_rdf *name = ldns_rr_owner(rr);
    struct reader reader = reader_of(slice_of(ldns_rdf_data(name), ldns_rdf_size(name)));
    if (!dns_name_read(&reader, &owner))
        return zone_refuse(builder, line, "\"%s\" is not a domain name", text);
    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
        return zone_refuse(builder, line, "\"%s\": only class IN is served", text);
    uint16_t type = (uint16_t)ldns_rr_get_type(rr);
    enum error error = check_record(parser, &owner, text, type);
    if (error != ERR_NONE)
        return error;
    if (ldns_rr_ttl(rr) > DNS_TTL_MAX)
        return zone_refuse(builder, line, "\"%s\": a TTL is at most %d seconds", text, DNS_TTL_MAX);
    struct slice rdata;
    error = copy_rdata(builder->memory, rr, &rdata);
    if (error == ERR_TOO_LARGE)
        return zone_refuse(builder, line, "\"%s\": the data is longer than 65535 bytes", text);
    if (error != ERR_NONE)
        return error;
    return zone_add_record(builder, dns_name_slice(&owner), type, ldns_rr_ttl(rr), rdata, line);
}

static enum error add_parsed(struct parser *parser, const ldns_rr *rr)
{
    char *text = ldns_rdf2str(ldns_rr_owner(rr));
    if (text == NULL)
        return ERR_MEMORY;
    enum error error = add_checked(parser, rr, text);
    free(text);
    return error;
}

/* The word behind a directive such as $TTL, cut out of TEXT; NULL unless it is the only one. */
static char *directive_word(char *text)
{
    const char *blanks = " \t";
    char *word = text + strcspn(text, blanks);
    word += strspn(word, blanks);
    size_t length = strcspn(word, blanks);
    if (length == 0 || word[length + strspn(word + length, blanks)] != '\0')
        return NULL;
    word[length] = '\0';
    return word;
}

static enum error set_ttl(struct parser *parser, char *text)
{
    const char *end = NULL;
    const char *word = directive_word(text);
    uint32_t ttl = word == NULL ? 0 : ldns_str2period(word, &end);
    if (word == NULL || *end != '\0' || end == word || ttl > DNS_TTL_MAX)
        return zone_refuse(parser->builder, parser->line,
                           "$TTL takes a number of seconds or a period such as 1h");
    parser->ttl = ttl;
    return ERR_NONE;
}

static enum error set_origin(struct parser *parser, char *text)
{
    const char *word = directive_word(text);
    ldns_rdf *origin = word == NULL ? NULL : ldns_dname_new_frm_str(word);
    if (origin == NULL)
        return zone_refuse(parser->builder, parser->line, "$ORIGIN takes one domain name");
    enum error error = ERR_NONE;
    if (!ldns_dname_str_absolute(word) && ldns_dname_cat(origin, parser->origin) != LDNS_STATUS_OK)
        error = zone_refuse(parser->builder, parser->line, "$ORIGIN: the name is too long");
    if (error == ERR_NONE) {
        ldns_rdf *old = parser->origin;
        parser->origin = origin;
        origin = old;
    }
    ldns_rdf_deep_free(origin);
    return error;
}

static bool is_directive(const char *text, const char *name)
{
    size_t length = strlen(name);
    return strncasecmp(text, name, length) == 0 && (text[length] == ' ' || text[length] == '\t');
}

static enum error take_entry(struct parser *parser, char *text)
{
    if (is_directive(text, "$TTL"))
        return set_ttl(parser, text);
    if (is_directive(text, "$ORIGIN"))
        return set_origin(parser, text);
    if (*text == '$')
        return zone_refuse(parser->builder, parser->line,
                           "only the directives $TTL and $ORIGIN are supported");
    ldns_rr *rr = NULL;
    ldns_status status =
        ldns_rr_new_frm_str(&rr, text, parser->ttl, parser->origin, &parser->previous);
    enum error error = ERR_NONE;
    if (status == LDNS_STATUS_OK)
        error = add_parsed(parser, rr);
    else if (status == LDNS_STATUS_MEM_ERR)
        error = ERR_MEMORY;
    else
        error = zone_refuse(parser->builder, parser->line, "not a record in master-file syntax: %s",
                            ldns_get_errorstr_by_id(status));
    ldns_rr_free(rr);
    return error;
}

static enum error take_entries(struct parser *parser, struct master_file *file, char *buffer)
{
    struct master_entry entry = {.text = buffer};
    for (;;) {
        enum error error = master_file_next(file, &entry);
        parser->line = entry.line;
        if (error == ERR_NOT_FOUND)
            return ERR_NONE;
        if (error == ERR_MALFORMED)
            return zone_refuse(parser->builder, entry.line,
                               "a quote or parenthesis that begins here has no partner");
        error = take_entry(parser, entry.text);
        if (error != ERR_NONE)
            return error;
    }
}

enum error zone_add_static_records(struct zone_builder *builder, const char *text)
{
    struct slice name = builder->zone->name;
    struct parser parser = {.builder = builder, .ttl = STATIC_TTL_DEFAULT};
    struct master_file file = master_file_of(text);
    enum error error = ERR_MEMORY;
    char *buffer = malloc(strlen(text) + 1);
    parser.origin = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name.length, name.data);
    if (buffer == NULL || parser.origin == NULL)
        goto out;
    parser.previous =
        ldns_rdf_clone(parser.origin); /* a first record without owner is the apex's */
    if (parser.previous == NULL)
        goto out;
    error = take_entries(&parser, &file, buffer);
out:
    free(buffer);
    ldns_rdf_deep_free(parser.origin);
    ldns_rdf_deep_free(parser.previous);
    return error;
}

const char *zone_set_library_version(void)
{
    return ldns_version();
}
