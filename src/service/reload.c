/*
 * Taking up a new policy while everything runs (see service.h). The caller is no reader of the
 * index.
 */
#include <urcu/urcu-qsbr.h>

#include "service/service_private.h"

/* Zones are stored by the writer's thread, which is the only one that uses the store. */
struct zones_operation {
    struct operation operation;
    struct policy *policy;
    pthread_mutex_t mutex;
    pthread_cond_t finished;
    bool is_done;
    enum error error;
};

static enum error run_zones(struct operation *operation, struct store *store)
{
    return policy_store_zones(store,
                              CONTAINER_OF(operation, struct zones_operation, operation)->policy);
}

static void zones_done(struct operation *operation, enum error error)
{
    struct zones_operation *op = CONTAINER_OF(operation, struct zones_operation, operation);
    pthread_mutex_lock(&op->mutex);
    op->error = error;
    op->is_done = true;
    pthread_cond_signal(&op->finished);
    pthread_mutex_unlock(&op->mutex);
}

/* Gives the zones of POLICY their ids, and waits for it. */
static enum error store_zones_and_wait(struct service *service, struct policy *policy)
{
    struct zones_operation op = {.operation = {.run = run_zones, .done = zones_done},
                                 .policy = policy};
    pthread_mutex_init(&op.mutex, NULL);
    pthread_cond_init(&op.finished, NULL);
    enum error error = service_submit(service, &op.operation);
    if (error == ERR_NONE) {
        pthread_mutex_lock(&op.mutex);
        while (!op.is_done)
            pthread_cond_wait(&op.finished, &op.mutex);
        pthread_mutex_unlock(&op.mutex);
        error = op.error;
    }
    pthread_cond_destroy(&op.finished);
    pthread_mutex_destroy(&op.mutex);
    return error;
}

enum error service_reload(struct service *service, const struct service_policy *settings)
{
    struct policy *policy;
    enum error error = policy_new(settings, &policy);
    if (error != ERR_NONE)
        return error;
    error = store_zones_and_wait(service, policy);
    if (error != ERR_NONE) {
        policy_free(policy);
        return error;
    }
    struct policy *old = atomic_exchange(&service->policy, policy);
    prefix_limiter_set_rate(service->registrations,
                            policy_registration_rate(settings->registrations_per_hour));
    prefix_limiter_set_rate(service->updates, policy_update_rate(settings->updates_per_hour));
    urcu_qsbr_synchronize_rcu();
    policy_free(old);
    return ERR_NONE;
}
