/* Whether user and password are good, as docker login asks it. */
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/header.h"
#include "registry/client/client_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void copy_credentials(
	struct registry_credentials *to, const struct registry_credentials *from)
{
	*to = (struct registry_credentials){
		.username = mem_strdup(from->username),
		.password = mem_strdup(from->password),
		.identity_token = mem_strdup(from->identity_token),
		.registry_token = mem_strdup(from->registry_token),
	};
}

static int ping(struct registry_host *h, const char *auth, struct http_response *rs, struct err *e)
{
	struct registry_call call = {
		.host = h, .path = "/v2/", .anonymous = !auth, .authorization = auth};
	int r = registry_do(&call, rs, e);
	if (r < 0)
		return err_wrap(e, r, "%s", h->host);
	if (rs->status == 200 || rs->status == 401)
		return 0;
	if (rs->status == 404)
		return err_set(e, ERR_UNSUPPORTED,
			"%s: does not speak the registries' protocol (v2)", h->host);
	return registry_refuse(h, "login", rs, e);
}

static int wrong(
	const struct registry_host *h, const struct registry_credentials *with, struct err *e)
{
	return err_set(e, EACCES, "%s: user '%s' and the password are not taken", h->host,
		with->username ?: "");
}

static int login_basic(
	struct registry_host *h, const struct registry_credentials *with, struct err *e)
{
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	char *auth = registry_basic(with);
	int r = ping(h, auth, &rs, e);
	registry_wipe(&auth);
	if (r >= 0 && rs.status != 200)
		r = wrong(h, with, e);
	return r;
}

static int login_bearer(struct registry_host *h, const struct registry_credentials *with,
	const struct http_challenge *c, char **ret_identity, struct err *e)
{
	struct registry_token_answer a = {0};
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	int r = registry_auth_realm(h, c, e);
	if (r >= 0)
		r = registry_token_fetch(
			h, with, http_challenge_param(c, "scope") ?: "", true, &a, e);
	if (r >= 0) {
		char *auth = mem_printf("Bearer %s", a.token);
		r = ping(h, auth, &rs, e);
		registry_wipe(&auth);
		if (r >= 0 && rs.status != 200)
			r = wrong(h, with, e);
	}
	if (r >= 0 && ret_identity)
		*ret_identity = STEAL(a.refresh);
	registry_token_answer_release(&a);
	return r;
}

int registry_login(struct registry_client *c, const struct registry_endpoint *at,
	const struct registry_credentials *with, char **ret_identity, struct err *e)
{
	struct registry_host *h;
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	struct http_challenges list cleanup_http_challenges = HTTP_CHALLENGES_INIT;
	char *identity = NULL;
	int r = registry_host_get(c, at, &h, e);
	if (r >= 0)
		r = ping(h, NULL, &rs, e);
	if (r >= 0)
		r = registry_auth_challenges(h, &rs, &list, e);
	if (r < 0)
		return r;
	const struct http_challenge *bearer = http_challenges_get(&list, "bearer");
	pthread_mutex_lock(&h->auth_lock);
	registry_credentials_release(&h->credentials);
	copy_credentials(&h->credentials, with);
	h->asked = h->have_credentials = true;
	pthread_mutex_unlock(&h->auth_lock);
	if (bearer)
		r = login_bearer(h, with, bearer, &identity, e);
	else if (http_challenges_get(&list, "basic"))
		r = login_basic(h, with, e);
	/* else it lets everybody in: nothing to check the password with */
	if (r >= 0 && ret_identity)
		*ret_identity = STEAL(identity);
	registry_wipe(&identity);
	return r;
}
