/*
 * The set of zones (see zone_set.h): what the settings say becomes SOA, NS, glue and static nodes.
 */
#include "zone/zone_set.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/ip.h"
#include "dns/protocol.h"
#include "zone/zone_build.h"

enum {
    /* No secondary server transfers our zones: these only have to look sane (RFC 1912, 2.2). */
    SOA_REFRESH = 3600,
    SOA_RETRY = 600,
    SOA_EXPIRE = 604800,
};

static const char blanks[] = " \t\r\n";

/* Cuts the next word off *TEXT; empty at its end. */
static struct slice next_word(const char **text)
{
    const char *start = *text + strspn(*text, blanks);
    size_t length = strcspn(start, blanks);
    *text = start + length;
    return slice_of(start, length);
}

static const char *printable(const struct slice *word, char *out, size_t size)
{
    (void)snprintf(out, size, "%.*s", (int)(word->length < 200 ? word->length : 200),
                   (const char *)word->data);
    return out;
}

/* ---- names ---- */

/* A zone's name is a host name, though underscores are common in names like this. */
static bool is_zone_name(const struct dns_name *name)
{
    for (unsigned i = 0; i < name->labels; i++) {
        struct slice label = slice_of(name->bytes + name->at[i] + 1, name->bytes[name->at[i]]);
        for (size_t k = 0; k < label.length; k++) {
            uint8_t c = label.data[k];
            if (!ascii_is_alphanumeric(c) && c != '-' && c != '_')
                return false;
        }
    }
    return name->labels > 0;
}

static struct zone **zone_slot(const struct zone_set *set, struct slice name)
{
    uint64_t at = dns_name_hash(name) & set->mask;
    while (set->slots[at] != NULL && !slice_equal(set->slots[at]->name, name))
        at = (at + 1) & set->mask;
    return &set->slots[at];
}

const struct zone *zone_set_find(const struct zone_set *set, const struct dns_name *name)
{
    unsigned labels = name->labels < set->labels_max ? name->labels : set->labels_max;
    for (; labels >= set->labels_min; labels--) {
        const struct zone *zone = *zone_slot(set, dns_name_suffix(name, name->labels - labels));
        if (zone != NULL)
            return zone;
    }
    return NULL;
}

static enum error name_zone(struct zone_builder *builder, const struct zone_settings *settings)
{
    struct zone_set *set = (struct zone_set *)(uintptr_t)builder->set;
    struct zone *zone = builder->zone;
    struct dns_name name;
    builder->refusal->setting = "name";
    if (dns_name_from_text(slice_text(settings->name), &name, NULL) != ERR_NONE ||
        !is_zone_name(&name))
        return zone_refuse(
            builder, 0,
            "\"%.200s\" is not a zone's name; letters, digits, '-' and '_' are, with "
            "dots between labels of at most 63",
            settings->name);
    const uint8_t *bytes = arena_copy(builder->memory, dns_name_slice(&name));
    if (bytes == NULL)
        return ERR_MEMORY;
    zone->id = settings->id;
    zone->txt_ttl = settings->txt_ttl;
    zone->negative_ttl = settings->negative_ttl;
    zone->labels = name.labels;
    zone->name = slice_of(bytes, name.length);
    struct zone **slot = zone_slot(set, zone->name);
    if (*slot != NULL)
        return zone_refuse(builder, 0, "the zone %.200s is there twice", settings->name);
    *slot = zone;
    if (name.labels < set->labels_min)
        set->labels_min = name.labels;
    if (name.labels > set->labels_max)
        set->labels_max = name.labels;
    return ERR_NONE;
}

/* ---- nameservers ---- */

static enum error add_address(struct zone_builder *builder, const struct dns_name *owner,
                              size_t item, struct slice word)
{
    struct ip_address address;
    char text[256];
    if (ip_parse(word, &address) != ERR_NONE)
        return zone_refuse(builder, item,
                           "\"%s\" is not an IP address; a nameserver is "
                           "\"NAME\" or \"NAME ADDRESS...\"",
                           printable(&word, text, sizeof(text)));
    bool v4 = address.family == 4;
    return zone_add_record(builder, dns_name_slice(owner), v4 ? DNS_TYPE_A : DNS_TYPE_AAAA,
                           STATIC_TTL_DEFAULT, slice_of(address.bytes, v4 ? 4 : 16), 0);
}

/* Reads one entry of `nameservers`: an NS record at the apex, and addresses for a name in the zone.
 * WIRE gets the name with its case, *LENGTH bytes. */
static enum error add_nameserver(struct zone_builder *builder, size_t item, const char *entry,
                                 uint8_t wire[DNS_NAME_MAX], size_t *length)
{
    struct slice word = next_word(&entry);
    struct dns_name name;
    char text[256];
    if (dns_name_from_text(word, &name, wire) != ERR_NONE || !is_zone_name(&name))
        return zone_refuse(builder, item, "\"%s\" is not a nameserver's host name",
                           printable(&word, text, sizeof(text)));
    *length = name.length;
    enum error error = zone_add_record(builder, builder->zone->name, DNS_TYPE_NS,
                                       STATIC_TTL_DEFAULT, slice_of(wire, name.length), 0);
    bool inside = zone_set_find(builder->set, &name) == builder->zone;
    for (struct slice address; error == ERR_NONE && (address = next_word(&entry)).length > 0;) {
        if (!inside)
            return zone_refuse(builder, item,
                               "%s is outside the zone: its addresses belong in its "
                               "own zone, leave them out here",
                               printable(&word, text, sizeof(text)));
        error = add_address(builder, &name, item, address);
    }
    return error;
}

/* Whether the nameserver WORD, if it is inside the zone, has an address there. */
static enum error check_nameserver(struct zone_builder *builder, size_t item, struct slice wire)
{
    struct reader reader = reader_of(wire);
    struct dns_name name;
    if (!dns_name_read(&reader, &name))
        return ERR_INTERNAL;
    if (zone_set_find(builder->set, &name) != builder->zone)
        return ERR_NONE;
    const struct node *node = zone_find_node(builder->zone, dns_name_slice(&name));
    if (node == NULL ||
        (node_find(node, DNS_TYPE_A) == NULL && node_find(node, DNS_TYPE_AAAA) == NULL))
        return zone_refuse(builder, item,
                           "this nameserver is inside the zone %s and needs its "
                           "addresses: write \"NAME ADDRESS...\"",
                           builder->zone_name);
    struct zone *zone = builder->zone;
    for (size_t i = 0; i < zone->glue_count; i++) {
        if (zone->glue[i] == node)
            return ERR_NONE;
    }
    zone->glue[zone->glue_count++] = node;
    return ERR_NONE;
}

/* Gathers the nodes whose addresses go with an NS answer. ENTRIES: the setting, for its positions.
 */
static enum error build_glue(struct zone_builder *builder, const struct zone_settings *settings)
{
    size_t most = builder->record_count;
    builder->zone->glue = arena_alloc_array(builder->memory, most, sizeof(struct node *));
    if (builder->zone->glue == NULL)
        return ERR_MEMORY;
    enum error error = ERR_NONE;
    builder->refusal->setting = "nameservers";
    for (size_t i = 0; error == ERR_NONE && i < settings->nameserver_count; i++) {
        const char *entry = settings->nameservers[i];
        struct dns_name name;
        error = dns_name_from_text(next_word(&entry), &name, NULL);
        if (error == ERR_NONE)
            error = check_nameserver(builder, i, dns_name_slice(&name));
    }
    if (error != ERR_NONE)
        return error;
    builder->refusal->setting = "records";
    for (const struct record *record = builder->records; error == ERR_NONE && record != NULL;
         record = record->next) {
        if (record->line > 0 && record->type == DNS_TYPE_NS)
            error = check_nameserver(builder, record->line, record->rdata);
    }
    return error;
}

/* ---- SOA ---- */

/* The contact's address as a domain name (RFC 1035, section 3.3.13): all before the @ is one label,
 * whatever dots it has. */
static enum error contact_name(struct zone_builder *builder, const char *contact,
                               struct writer *wire)
{
    struct slice text = slice_text(contact);
    size_t at = slice_find(text, '@');
    uint8_t domain[DNS_NAME_MAX];
    struct dns_name name;
    struct slice local = slice_of(text.data, at == text.length ? 0 : at);
    struct slice rest = at == text.length ? text : slice_from(text, at + 1);
    builder->refusal->setting = "contact";
    bool good = dns_name_from_text(rest, &name, domain) == ERR_NONE && name.labels > 0 &&
                local.length <= DNS_LABEL_MAX && (at == text.length || local.length > 0);
    for (size_t i = 0; good && i < local.length; i++)
        good = local.data[i] > ' ' && local.data[i] <= '~';
    if (good && local.length > 0) {
        write_u8(wire, (uint8_t)local.length);
        write_bytes(wire, local);
    }
    if (good)
        write_bytes(wire, slice_of(domain, name.length));
    if (!good || wire->failed)
        return zone_refuse(builder, 0, "\"%.200s\" is not a mail address", contact);
    return ERR_NONE;
}

static enum error build_soa(struct zone_builder *builder, struct slice mname, const char *contact)
{
    uint8_t rname[DNS_NAME_MAX];
    struct writer name = writer_of(rname, sizeof(rname));
    enum error error = contact_name(builder, contact, &name);
    if (error != ERR_NONE)
        return error;
    size_t data = mname.length + writer_length(&name) + SOA_SERIAL_FROM_END;
    size_t size = 2 + DNS_RR_FIXED_LENGTH + data;
    uint8_t *record = arena_alloc_array(builder->memory, 1, size);
    if (record == NULL)
        return ERR_MEMORY;
    struct writer writer = writer_of(record, size);
    write_u16(&writer, 0); /* owner: a pointer, known when there is a question */
    write_u16(&writer, DNS_TYPE_SOA);
    write_u16(&writer, DNS_CLASS_IN);
    write_u32(&writer, builder->zone->negative_ttl);
    write_u16(&writer, (uint16_t)data);
    write_bytes(&writer, mname);
    write_bytes(&writer, writer_slice(&name));
    write_u32(&writer, 0); /* serial: the index knows it */
    write_u32(&writer, SOA_REFRESH);
    write_u32(&writer, SOA_RETRY);
    write_u32(&writer, SOA_EXPIRE);
    write_u32(&writer, builder->zone->negative_ttl);
    builder->zone->soa = writer_slice(&writer);
    return writer.failed ? ERR_INTERNAL : ERR_NONE;
}

/* ---- the set ---- */

static enum error fill_zone(struct zone_builder *builder, const struct zone_settings *settings)
{
    uint8_t first[DNS_NAME_MAX]; /* nameserver: the SOA's MNAME */
    size_t first_length = 0;
    builder->refusal->setting = "nameservers";
    if (settings->nameserver_count == 0)
        return zone_refuse(builder, 0, "the zone %s needs at least one nameserver", settings->name);
    for (size_t i = 0; i < settings->nameserver_count; i++) {
        uint8_t name[DNS_NAME_MAX];
        size_t length = 0;
        enum error error = add_nameserver(builder, i, settings->nameservers[i], name, &length);
        if (error != ERR_NONE)
            return error;
        if (i == 0) {
            memcpy(first, name, length);
            first_length = length;
        }
    }
    enum error error = build_soa(builder, slice_of(first, first_length), settings->contact);
    if (error != ERR_NONE)
        return error;
    builder->refusal->setting = "records";
    if (settings->records != NULL)
        error = zone_add_static_records(builder, settings->records);
    if (error == ERR_NONE)
        error = zone_build_nodes(builder);
    if (error == ERR_NONE)
        error = build_glue(builder, settings);
    return error;
}

static enum error build_set(struct zone_set *set, const struct zone_settings *settings,
                            struct zone_refusal *refusal)
{
    struct zone_builder builder = {.memory = &set->memory, .set = set, .refusal = refusal};
    enum error error = ERR_NONE;
    for (size_t i = 0; error == ERR_NONE && i < set->count; i++) {
        refusal->zone = i;
        builder.zone = &set->zones[i];
        error = name_zone(&builder, &settings[i]);
    }
    for (size_t i = 0; error == ERR_NONE && i < set->count; i++) {
        refusal->zone = i;
        builder.zone = &set->zones[i];
        builder.zone_name = settings[i].name;
        builder.records = NULL;
        builder.record_count = 0;
        error = fill_zone(&builder, &settings[i]);
    }
    return error;
}

enum error zone_set_new(const struct zone_settings *settings, size_t count, struct zone_set **out,
                        struct zone_refusal *refusal)
{
    struct zone_set *set = calloc(1, sizeof(*set));
    struct zone_refusal why = {0};
    enum error error = ERR_MEMORY;
    if (set == NULL)
        return ERR_MEMORY;
    uint64_t size = 4;
    while (size < 2 * (uint64_t)count)
        size *= 2;
    set->count = count;
    set->mask = size - 1;
    set->labels_min = UINT8_MAX;
    set->zones = arena_alloc_array(&set->memory, count, sizeof(struct zone));
    set->slots = arena_alloc_array(&set->memory, size, sizeof(struct zone *));
    if (set->zones != NULL && set->slots != NULL)
        error = build_set(set, settings, &why);
    if (error == ERR_NONE) {
        *out = set;
        return ERR_NONE;
    }
    if (error == ERR_CONFIG)
        *refusal = why;
    zone_set_free(set);
    return error;
}

void zone_set_free(struct zone_set *set)
{
    if (set == NULL)
        return;
    arena_fini(&set->memory);
    free(set);
}
