/*
 * The HTTP server over TLS: certificates that change, versions, deadlines, bounds.
 */
#include <fcntl.h>
#include <signal.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "http_fixture.h"

/* ---- TLS ---- */

struct pem {
    char chain[4096], key[2048];
};

static void copy_bio(BIO *bio, char *out, size_t size)
{
    int length = BIO_read(bio, out, (int)size - 1);
    assert_true(length > 0);
    out[length] = '\0';
    BIO_free(bio);
}

static void make_certificate(struct pem *pem, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    BIO *bio;
    assert_non_null(key);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    copy_bio(bio, pem->chain, sizeof(pem->chain));
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
    copy_bio(bio, pem->key, sizeof(pem->key));
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void use_certificate(struct fixture *fixture, const struct pem *pem)
{
    char why[256] = "";
    assert_int_equal(http_server_set_certificate(fixture->server, slice_text(pem->chain),
                                                 slice_text(pem->key), why, sizeof(why)),
                     ERR_NONE);
}

struct tls_client {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

/* Connects; CONNECTED says whether the handshake succeeds. */
static bool tls_connect(struct tls_client *client, uint16_t port, int max_version)
{
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(client->context, 0);
    SSL_CTX_set_max_proto_version(client->context, max_version);
    client->ssl = SSL_new(client->context);
    client->fd = connect_to(port);
    SSL_set_alpn_protos(client->ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    SSL_set_fd(client->ssl, client->fd);
    return SSL_connect(client->ssl) == 1;
}

static void tls_close(struct tls_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    close(client->fd);
}

static size_t tls_read_reply(struct tls_client *client, char *out)
{
    size_t length = 0, wanted = SIZE_MAX;
    char *body = NULL;
    while (length < wanted) {
        int got = SSL_read(client->ssl, out + length, body == NULL ? 1 : (int)(wanted - length));
        assert_true(got > 0);
        length += (size_t)got;
        out[length] = '\0';
        if (body == NULL && (body = strstr(out, "\r\n\r\n")) != NULL)
            wanted = length + strtoul(strstr(out, "Content-Length: ") + 16, NULL, 10);
    }
    return length;
}

static void tls_send(struct tls_client *client, const char *text)
{
    assert_int_equal(SSL_write(client->ssl, text, (int)strlen(text)), strlen(text));
}

static void assert_certificate_of(struct tls_client *client, const char *name)
{
    char text[64] = "";
    X509 *certificate = SSL_get1_peer_certificate(client->ssl);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text,
                              sizeof(text));
    X509_free(certificate);
    assert_string_equal(text, name);
}

static void speaks_tls_and_swaps_certificates(void **state UNUSED)
{
    struct fixture fixture;
    static struct pem one, two;
    struct tls_client first, second;
    char *reply = malloc(REPLY_MAX), why[256] = "";
    make_certificate(&one, "one");
    make_certificate(&two, "two");
    fixture_init(&fixture);
    start(&fixture, true);
    assert_false(tls_connect(&first, fixture.port, TLS1_3_VERSION)); /* no certificate yet */
    tls_close(&first);
    use_certificate(&fixture, &one);
    assert_true(tls_connect(&first, fixture.port, TLS1_3_VERSION));
    assert_certificate_of(&first, "one");
    const unsigned char *protocol;
    unsigned length;
    SSL_get0_alpn_selected(first.ssl, &protocol, &length);
    assert_memory_equal(protocol, "http/1.1", length);
    tls_send(&first, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    tls_read_reply(&first, reply);
    tls_read_reply(&first, reply);
    assert_non_null(strstr(reply, "X-Path: /2"));
    use_certificate(&fixture, &two);
    assert_true(tls_connect(&second, fixture.port, TLS1_2_VERSION));
    assert_certificate_of(&second, "two");
    tls_send(&second, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(tls_read_reply(&second, reply) > BIG_BODY);
    tls_send(&first, "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n"); /* goes on under the old one */
    tls_read_reply(&first, reply);
    assert_non_null(strstr(reply, "X-Path: /3"));
    assert_int_equal(http_server_set_certificate(fixture.server, slice_text(one.chain),
                                                 slice_text(two.key), why, sizeof(why)),
                     ERR_MALFORMED);
    assert_non_null(strstr(why, "private key"));
    assert_int_equal(http_server_set_certificate(fixture.server, slice_text("x"),
                                                 slice_text(two.key), why, sizeof(why)),
                     ERR_MALFORMED);
    assert_non_null(strstr(why, "certificate"));
    tls_close(&second);
    assert_true(tls_connect(&second, fixture.port, TLS1_3_VERSION));
    assert_certificate_of(&second, "two"); /* what could not be used changed nothing */
    tls_close(&first);
    tls_close(&second);
    free(reply);
    stop(&fixture);
}

static void closes_tls_with_a_notice_and_refuses_old_versions(void **state UNUSED)
{
    struct fixture fixture;
    static struct pem pem;
    struct tls_client client;
    char reply[REPLY_MAX];
    make_certificate(&pem, "one");
    fixture_init(&fixture);
    start(&fixture, true);
    use_certificate(&fixture, &pem);
    assert_false(tls_connect(&client, fixture.port, TLS1_1_VERSION));
    tls_close(&client);
    assert_true(tls_connect(&client, fixture.port, TLS1_3_VERSION));
    tls_send(&client, "GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    tls_read_reply(&client, reply);
    assert_int_equal(SSL_read(client.ssl, reply, 1), 0);
    assert_int_equal(SSL_get_error(client.ssl, 0), SSL_ERROR_ZERO_RETURN);
    tls_close(&client);
    wait_for_connections(&fixture, 0);
    stop(&fixture);
}

/* Requests that arrive in one record while the first still waits for its reply. */
static void goes_on_with_bytes_that_tls_already_has(void **state UNUSED)
{
    struct fixture fixture;
    static struct pem pem;
    static char text[16 * 1024];
    struct tls_client client;
    char reply[REPLY_MAX];
    size_t length = 0;
    make_certificate(&pem, "one");
    fixture_init(&fixture);
    start(&fixture, true);
    use_certificate(&fixture, &pem);
    assert_true(tls_connect(&client, fixture.port, TLS1_3_VERSION));
    length += (size_t)snprintf(text, sizeof(text), "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 3; i++)
        length += (size_t)snprintf(
            text + length, sizeof(text) - length,
            "POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n%05000d", i, i);
    for (int round = 0; round < 2; round++) {
        tls_send(&client, text);
        wait_for_kept(&fixture);
        poll(NULL, 0, 20);
        http_loop_post(fixture.kept->loop, &fixture.task);
        for (int i = 0; i < 4; i++)
            tls_read_reply(&client, reply);
        assert_non_null(strstr(reply, "X-Path: /2"));
    }
    tls_close(&client);
    stop(&fixture);
}

static ssize_t send_tls(void *context, const void *bytes, size_t length)
{
    return SSL_write(context, bytes, (int)length);
}

static void does_not_read_far_ahead_over_tls(void **state UNUSED)
{
    struct fixture fixture;
    static struct pem pem;
    struct tls_client client;
    make_certificate(&pem, "one");
    fixture_init(&fixture);
    start(&fixture, true);
    use_certificate(&fixture, &pem);
    assert_true(tls_connect(&client, fixture.port, TLS1_3_VERSION));
    tls_send(&client, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_kept(&fixture);
    fcntl(client.fd, F_SETFL, O_NONBLOCK);
    assert_in_range(send_until_it_stalls(client.fd, send_tls, client.ssl), 1, STALL_MAX - 1);
    http_loop_post(fixture.kept->loop, &fixture.task);
    tls_close(&client);
    stop(&fixture);
}

static void a_handshake_has_a_deadline(void **state UNUSED)
{
    struct fixture fixture;
    static struct pem pem;
    static char hello[2048] = "\x16\x03\x01\x02\x01\x01"; /* a record of 513 bytes begins */
    static char reply[REPLY_MAX];
    memset(hello + 6, 'a', sizeof(hello) - 7);
    make_certificate(&pem, "one");
    fixture_init(&fixture);
    fixture.settings.handshake_timeout_ms = 300;
    start(&fixture, true);
    use_certificate(&fixture, &pem);
    int silent = connect_to(fixture.port), fd = connect_to(fixture.port);
    /* The server may have accepted a while before this thread looks at the clock. */
    assert_in_range(trickle(&fixture, fd, hello, NULL), 100, 3000);
    assert_true(read_to_end(silent, reply) <= 0); /* closed or reset, but told nothing */
    close(silent);
    close(fd);
    fd = connect_to(fixture.port); /* HTTP without TLS */
    send_text(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    while (recv(fd, reply, sizeof(reply), 0) > 0)
        continue;
    close(fd);
    wait_for_connections(&fixture, 0);
    assert_int_equal(atomic_load(&fixture.handled), 0);
    stop(&fixture);
}

int main(void)
{
    /* OpenSSL's client side writes without MSG_NOSIGNAL. The server's threads block it themselves.
     */
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(speaks_tls_and_swaps_certificates),
        cmocka_unit_test(closes_tls_with_a_notice_and_refuses_old_versions),
        cmocka_unit_test(goes_on_with_bytes_that_tls_already_has),
        cmocka_unit_test(does_not_read_far_ahead_over_tls),
        cmocka_unit_test(a_handshake_has_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
