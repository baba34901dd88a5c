/*
 * TLS contexts from PEM in memory (see tls.h).
 */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>

/* Forward secrecy and authenticated encryption only; TLS 1.3 has its own list. */
static const char ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

const char *tls_failure(void)
{
    const char *reason = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return reason == NULL ? "unknown" : reason;
}

/* RFC 7301: whoever offers protocols without http/1.1 among them would not understand us. */
static int select_protocol(SSL *ssl UNUSED, const unsigned char **out, unsigned char *out_length,
                           const unsigned char *in, unsigned int in_length, void *context UNUSED)
{
    static const unsigned char ours[] = "\x08http/1.1";
    int result = SSL_select_next_proto((unsigned char **)out, out_length, ours, sizeof(ours) - 1,
                                       in, in_length);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* A key that asks for a passphrase can't be used: nobody is there to give one. */
static int no_passphrase(char *out UNUSED, int size UNUSED, int writing UNUSED,
                         void *context UNUSED)
{
    return -1;
}

static bool use_chain(SSL_CTX *tls, BIO *pem)
{
    X509 *certificate = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL);
    if (certificate == NULL)
        return false;
    bool good = SSL_CTX_use_certificate(tls, certificate) == 1;
    X509_free(certificate);
    while (good && (certificate = PEM_read_bio_X509(pem, NULL, no_passphrase, NULL)) != NULL) {
        good = SSL_CTX_add0_chain_cert(tls, certificate) == 1;
        if (!good)
            X509_free(certificate);
    }
    /* The last read failed because there was no further certificate, or because one is broken. */
    unsigned long last = ERR_peek_last_error();
    if (good && ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
        return false;
    ERR_clear_error();
    return good;
}

static bool use_key(SSL_CTX *tls, BIO *pem)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, no_passphrase, NULL);
    bool good = key != NULL && SSL_CTX_use_PrivateKey(tls, key) == 1;
    EVP_PKEY_free(key);
    return good;
}

static bool set_options(SSL_CTX *tls)
{
    SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    /* Idle connections give their buffers back. Partial writes stay off: libevent counts on whole
     * ones. */
    SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Sessions live in tickets that clients keep: no memory and no lock here. */
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(tls, select_protocol, NULL);
    return SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(tls, ciphers) == 1 && SSL_CTX_set_num_tickets(tls, 1) == 1;
}

static void explain(char *why, size_t why_size, const char *what)
{
    snprintf(why, why_size, "%s: %s", what, tls_failure());
}

static enum error fill_context(SSL_CTX *tls, BIO *chain, BIO *key, char *why, size_t why_size)
{
    if (!set_options(tls)) {
        explain(why, why_size, "TLS could not be set up");
        return ERR_INTERNAL;
    }
    if (!use_chain(tls, chain)) {
        explain(why, why_size, "the certificate chain can't be used");
        return ERR_MALFORMED;
    }
    /* The key is also refused here if it does not match the certificate. */
    if (!use_key(tls, key) || SSL_CTX_check_private_key(tls) != 1) {
        explain(why, why_size, "the private key can't be used with the certificate");
        return ERR_MALFORMED;
    }
    return ERR_NONE;
}

enum error tls_context_new(struct slice chain, struct slice key, char *why, size_t why_size,
                           SSL_CTX **out)
{
    enum error error = ERR_MEMORY;
    SSL_CTX *tls = NULL;
    BIO *chain_pem = NULL, *key_pem = NULL;
    ERR_clear_error();
    if (chain.length == 0 || key.length == 0 || chain.length > INT32_MAX ||
        key.length > INT32_MAX) {
        snprintf(why, why_size, "the certificate or the private key is empty");
        return ERR_MALFORMED;
    }
    tls = SSL_CTX_new(TLS_server_method());
    chain_pem = BIO_new_mem_buf(chain.data, (int)chain.length);
    key_pem = BIO_new_mem_buf(key.data, (int)key.length);
    if (tls == NULL || chain_pem == NULL || key_pem == NULL) {
        snprintf(why, why_size, "out of memory");
        goto out;
    }
    error = fill_context(tls, chain_pem, key_pem, why, why_size);
    if (error != ERR_NONE)
        goto out;
    *out = tls;
    tls = NULL;
out:
    BIO_free(chain_pem);
    BIO_free(key_pem);
    SSL_CTX_free(tls);
    return error;
}
