/*
 * Certificate files (see certificate.h).
 */
#include "watch/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

/* Reads FD to the end, at most SIZE bytes; -1 with errno. */
static ssize_t read_whole(int fd, uint8_t *data, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t got = read(fd, data + length, size - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        length += (size_t)got;
    }
    return (ssize_t)length;
}

static enum error read_file(const char *path, uint8_t *data, struct slice *out,
                            struct certificate_refusal *refusal)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = fd >= 0 ? read_whole(fd, data, CERTIFICATE_FILE_MAX) : -1;
    int failure = errno;

    if (fd >= 0)
        close(fd);
    if (length < 0) {
        snprintf(refusal->why, sizeof(refusal->why), "%s can't be read: %s", path,
                 strerror(failure));
        return ERR_CONFIG;
    }
    if (length == CERTIFICATE_FILE_MAX) {
        snprintf(refusal->why, sizeof(refusal->why), "%s is too large", path);
        return ERR_CONFIG;
    }
    *out = slice_of(data, (size_t)length);
    return ERR_NONE;
}

/* ---- what is in them ---- */

/* Keys with a pass phrase can't be used by a daemon: without this, OpenSSL would ask a terminal. */
static int no_pass_phrase(char *buffer UNUSED, int size UNUSED, int writing UNUSED,
                          void *context UNUSED)
{
    return -1;
}

static int64_t time_of(const ASN1_TIME *time)
{
    struct tm broken;

    if (ASN1_TIME_to_tm(time, &broken) != 1)
        return 0;
    return (int64_t)timegm(&broken);
}

static X509 *parse_chain(struct slice chain)
{
    BIO *bio = BIO_new_mem_buf(chain.data, (int)chain.length);
    X509 *leaf = bio != NULL ? PEM_read_bio_X509_AUX(bio, NULL, no_pass_phrase, NULL) : NULL;

    BIO_free(bio);
    return leaf;
}

static EVP_PKEY *parse_key(struct slice key)
{
    BIO *bio = BIO_new_mem_buf(key.data, (int)key.length);
    EVP_PKEY *parsed =
        bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_pass_phrase, NULL) : NULL;

    BIO_free(bio);
    return parsed;
}

static enum error check_pair(struct certificate *certificate, const char *chain_path,
                             const char *key_path, struct certificate_refusal *refusal)
{
    X509 *leaf = parse_chain(certificate->chain);
    EVP_PKEY *key = parse_key(certificate->key);
    enum error error = ERR_CONFIG;

    refusal->in_key = leaf != NULL;
    if (leaf == NULL)
        snprintf(refusal->why, sizeof(refusal->why), "%s holds no certificate in PEM form",
                 chain_path);
    else if (key == NULL)
        snprintf(refusal->why, sizeof(refusal->why),
                 "%s holds no private key in PEM form without a pass phrase", key_path);
    else if (X509_check_private_key(leaf, key) != 1)
        snprintf(refusal->why, sizeof(refusal->why),
                 "the private key in %s does not belong to the certificate in %s", key_path,
                 chain_path);
    else
        error = ERR_NONE;
    if (error == ERR_NONE)
        certificate->expires = time_of(X509_get0_notAfter(leaf));
    X509_free(leaf);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return error;
}

enum error certificate_read(const char *chain_path, const char *key_path, struct certificate *out,
                            struct certificate_refusal *refusal)
{
    struct certificate certificate = {.memory_size = 2 * (size_t)CERTIFICATE_FILE_MAX};
    uint8_t *memory = malloc(certificate.memory_size);
    enum error error;

    if (memory == NULL)
        return ERR_MEMORY;
    certificate.memory = memory;
    refusal->in_key = false;
    error = read_file(chain_path, memory, &certificate.chain, refusal);
    if (error == ERR_NONE) {
        refusal->in_key = true;
        error = read_file(key_path, memory + CERTIFICATE_FILE_MAX, &certificate.key, refusal);
    }
    if (error == ERR_NONE)
        error = check_pair(&certificate, chain_path, key_path, refusal);
    if (error == ERR_NONE)
        *out = certificate;
    else
        certificate_free(&certificate);
    return error;
}

void certificate_warn(struct log *log, const struct certificate *certificate)
{
    int64_t now = clock_wall_ms(&log->clock) / 1000;

    if (certificate->memory != NULL && certificate->expires <= now)
        LOG(log, LOG_LEVEL_WARNING, "certificate_expired",
            LOG_INT("expired_s_ago", now - certificate->expires));
}

void certificate_free(struct certificate *certificate)
{
    if (certificate->memory != NULL)
        OPENSSL_cleanse(certificate->memory, certificate->memory_size);
    free(certificate->memory);
    *certificate = (struct certificate){0};
}
