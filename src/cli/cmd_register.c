/*
 * locum register: a delegate for a domain, and its credentials into the file. Asked again, it gives
 * the same answer and asks the server for nothing.
 */
#include "base/ip.h"
#include "cli/command.h"
#include "cli/user.h"

static enum exit_code check_allowfrom(const struct user *user)
{
    for (size_t i = 0; i < user->arguments->allowfrom_count; i++) {
        const char *given = user->arguments->allowfrom[i];
        struct ip_prefix prefix;
        if (ip_parse_prefix(slice_text(given), &prefix) != ERR_NONE)
            return output_fail(user->output, EXIT_USAGE, "bad_allowfrom",
                               "--allowfrom is \"%s\", but must be an address prefix such as "
                               "192.0.2.1/32 or 2001:db8::/56.",
                               given);
    }
    return EXIT_DONE;
}

/* The secret is shown once, to the program that asked for JSON and made it. */
static enum exit_code print_json(const struct user *user, const char *domain,
                                 const struct credentials *credentials, bool fresh)
{
    json_t *answer =
        json_pack("{s:s, s:b, s:o, s:s, s:s, s:s, s:s}", "domain", domain, "registered",
                  fresh ? 1 : 0, "cname", user_cname_json(domain, credentials), "fulldomain",
                  credentials->fulldomain, "subdomain", credentials->subdomain, "server_url",
                  credentials->server_url, "storage", user->storage_path);
    if (answer != NULL && fresh) {
        (void)json_object_set_new(answer, "username", json_string(credentials->username));
        (void)json_object_set_new(answer, "password", json_string(credentials->password));
    }
    return output_json(user->output, answer);
}

static enum exit_code register_domain(struct user *user)
{
    char domain[DOMAIN_TEXT_MAX];
    struct credentials credentials;
    bool fresh = false;
    enum exit_code result = user_domain(user, user->arguments->options[OPTION_DOMAIN], domain);
    if (result == EXIT_DONE)
        result = check_allowfrom(user);
    if (result == EXIT_DONE)
        result = user_find_or_register(user, domain, &credentials, &fresh);
    if (result != EXIT_DONE)
        return result;
    if (user->output->json) {
        result = print_json(user, domain, &credentials, fresh);
    } else {
        user_show_cname(user, domain, &credentials);
        output_text(user->output, "The credentials are in %s.\n", user->storage_path);
    }
    if (!fresh && user->arguments->allowfrom_count > 0)
        output_warn(user->output, "allowfrom_ignored",
                    "%s was registered before, and its --allowfrom stays as it was.", domain);
    credentials_fini(&credentials);
    return result;
}

static enum exit_code run(const struct arguments *arguments, const struct output *output)
{
    struct user user;
    enum exit_code result = user_init(&user, arguments, output);
    if (result != EXIT_DONE)
        return result;
    result = register_domain(&user);
    user_fini(&user);
    return result;
}

const struct command register_command = {
    .name = "register",
    .summary = "get a delegate for a domain, and show the CNAME to add",
    .operands = "",
    .about = "Registers on the server unless the credentials file already has the domain, stores\n"
             "the credentials there, and shows the one CNAME record that hands the domain's ACME\n"
             "challenges to the server. Run again, it shows the same record.",
    .example = "  locum register --server https://auth.example.org --domain example.com",
    .accepted = OPTIONS_REGISTER | OPTION_BIT(OPTION_DOMAIN) | OPTION_BIT(OPTION_ALLOWFROM),
    .required = OPTION_BIT(OPTION_DOMAIN),
    .exits = EXITS_FAILED | EXITS_UNREACHABLE,
    .run = run,
};
