/* Real signatures: by openssl's keys and by gpg, good ones and what attackers would try. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"
#include "oci/reference.h"
#include "trust/policy_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"

static char dir[] = "/tmp/kist-trust-XXXXXX";

/* A command of the shell in the test's directory; its exit status. */
static int sh(const char *script)
{
	cleanup_free char *text = mem_printf("cd '%s' && { %s; } >/dev/null 2>&1", dir, script);
	char *const argv[] = {(char *)"sh", (char *)"-c", text, NULL};
	struct err e = ERR_INIT;
	return proc_run(argv, -1, NULL, 0, &e);
}

static void payload(const char *file, const char *type, const char *digest, const char *ref)
{
	cleanup_free char *text = mem_printf(
		"{\"critical\":{\"identity\":{\"docker-reference\":\"%s\"},\"image\":{\"docker-"
		"manifest-digest\":\"%s\"},\"type\":\"%s\"},\"optional\":{\"creator\":\"x\"}}",
		ref, digest, type);
	cleanup_free char *path = mem_printf("%s/%s", dir, file);
	struct err e = ERR_INIT;
	assert_int_equal(file_write(AT_FDCWD, path, text, strlen(text), 0600, 0, &e), 0);
}

/* Files of the test's directory as signatures: NAME, and NAME.sig for sigstore. */
struct found {
	const char *names[4];
	const char *for_digest;
	int asked;
};

static void read_into(const char *name, const char *suffix, void **ret, size_t *ret_len)
{
	cleanup_free char *path = mem_printf("%s/%s%s", dir, name, suffix);
	struct buf b cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_int_equal(file_read(AT_FDCWD, path, &b, &e), 0);
	*ret_len = b.len;
	*ret = buf_take(&b);
}

static int give(void *arg, enum trust_signature_kind kind, const char *digest,
	struct trust_signatures *ret, struct err *e)
{
	struct found *f = arg;
	f->asked++;
	for (size_t i = 0; f->names[i] && !strcmp(digest, f->for_digest); i++) {
		struct trust_signature *s = NULL;
		assert_int_equal(trust_signatures_add(ret, &s, e), 0);
		s->origin = mem_printf("signature %zu", i + 1);
		read_into(f->names[i], "", &s->bytes, &s->len);
		if (kind == TRUST_SIGSTORE)
			read_into(f->names[i], ".sig", &s->proof, &s->proof_len);
	}
	return 0;
}

static int check(const char *requirement, struct found *f, const char *digest, const char *index,
	struct err *e)
{
	cleanup_free char *text = mem_printf("{\"default\":[%s]}", requirement);
	cleanup_trust_policy struct trust_policy *p = NULL;
	struct oci_reference ref;
	assert_int_equal(trust_policy_parse(text, strlen(text), "p", &p, e), 0);
	assert_int_equal(oci_reference_parse("q.io/a:1", &ref, e), 0);
	const struct trust_image image = {.transport = "docker",
		.ref = &ref,
		.digest = digest,
		.index_digest = index,
		.signatures = give,
		.arg = f,
		.tmp_dir = dir};
	return trust_policy_check(p, &image, e);
}

static void expect(const char *requirement, struct found f, const char *words)
{
	struct err e = ERR_INIT;
	if (!f.for_digest)
		f.for_digest = D1;
	int r = check(requirement, &f, D1, NULL, &e);
	if (words ? r >= 0 || !strstr(e.msg, words) : r < 0)
		fail_msg("%s: %d '%s', want '%s'", requirement, r, e.msg, words ? words : "");
}

#define COSIGN "cosign container image signature"

static void sigstore(void **state)
{
	(void)state;
	payload("good", COSIGN, D1, "q.io/a:1");
	payload("other-name", COSIGN, D1, "q.io/b:1");
	payload("no-tag", COSIGN, D1, "q.io/a");
	payload("other-image", COSIGN, D2, "q.io/a:1");
	payload("simple", "atomic container signature", D1, "q.io/a:1");
	assert_int_equal(
		sh("openssl ecparam -name prime256v1 -genkey -noout -out ec.pem &&"
		   "openssl ec -in ec.pem -pubout -out ec.pub &&"
		   "openssl genrsa -out rsa.pem 2048 &&"
		   "openssl rsa -in rsa.pem -pubout -out rsa.pub &&"
		   "openssl genrsa -out weak.pem 1024 &&"
		   "openssl rsa -in weak.pem -pubout -out weak.pub &&"
		   "openssl genpkey -algorithm ed25519 -out ed.pem &&"
		   "openssl pkey -in ed.pem -pubout -out ed.pub &&"
		   "for f in good other-name no-tag other-image simple; do"
		   "  openssl dgst -sha256 -sign ec.pem -out $f.sig $f; done;"
		   "cp good rsa; openssl dgst -sha256 -sign rsa.pem -out rsa.sig rsa;"
		   "cp good weak; openssl dgst -sha256 -sign weak.pem -out weak.sig weak;"
		   "cp good ed; openssl pkeyutl -sign -rawin -inkey ed.pem -in ed -out ed.sig;"
		   "cp good forged; sed s/11/22/ good >forged; cp good.sig forged.sig;"
		   "cp good empty; : >empty.sig; echo x >junk.pub"),
		0);
	static const struct {
		const char *key, *more;
		const char *names[4];
		const char *words;
	} cases[] = {
		{"ec.pub", "", {"good"}, NULL},
		{"rsa.pub", "", {"rsa"}, NULL},
		{"ed.pub", "", {"ed"}, NULL},
		{"ec.pub", "", {"forged", "other-name", "good"}, NULL},
		{"ec.pub", "", {NULL}, "there is none"},
		{"ec.pub", "", {"rsa"}, "not made with this key"},
		{"ec.pub", "", {"forged"}, "not made with this key"},
		{"ec.pub", "", {"empty"}, "not made with this key"},
		{"ec.pub", "", {"other-name"}, "it is for 'q.io/b:1', not for 'q.io/a:1'"},
		{"ec.pub", "", {"no-tag"}, "it is for 'q.io/a', not for"},
		{"ec.pub", ",\"signedIdentity\":{\"type\":\"matchRepository\"}", {"no-tag"}, NULL},
		{"ec.pub", "", {"other-image"}, "it is for the manifest " D2},
		{"ec.pub", "", {"simple"}, "is not 'cosign"},
		{"weak.pub", "", {"weak"}, "fewer than 2048"},
		{"ec.pem", "", {"good"}, "no public key in PEM"},
		{"junk.pub", "", {"good"}, "no public key in PEM"},
		{"missing.pub", "", {"good"}, "No such file"},
		{"ec.pub", ",\"rekorPublicKeyPath\":\"/r\"", {"good"},
			"'rekorPublicKeyPath' is not"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *q =
			mem_printf("{\"type\":\"sigstoreSigned\",\"keyPath\":\"%s/%s\"%s}", dir,
				cases[i].key, cases[i].more);
		struct found f = {{NULL}, D1, 0};
		memcpy(f.names, cases[i].names, sizeof(f.names));
		expect(q, f, cases[i].words);
	}
	cleanup_free char *two = mem_printf(
		"{\"type\":\"sigstoreSigned\",\"keyPaths\":[\"%s/rsa.pub\",\"%s/ec.pub\"]}", dir,
		dir);
	expect(two, (struct found){{"good"}, D1, 0}, NULL);
	expect(two, (struct found){{"ed"}, D1, 0}, "none of the 2 keys");
	/* every requirement of a list counts */
	cleanup_free char *both = mem_printf("%s,{\"type\":\"reject\"}", two);
	expect(both, (struct found){{"good"}, D1, 0}, "rejected");
}

/* A signature of the index counts for the manifests that it lists; one of the manifest only as
 * such. */
static void index_signed(void **state)
{
	(void)state;
	cleanup_free char *q =
		mem_printf("{\"type\":\"sigstoreSigned\",\"keyPath\":\"%s/ec.pub\"}", dir);
	struct found f = {{"good"}, D1, 0};
	struct err e = ERR_INIT;
	assert_int_equal(check(q, &f, D2, D1, &e), 0);
	assert_int_equal(f.asked, 2);
	/* the registry shows the index's signature for the manifest */
	f = (struct found){{"good"}, D2, 0};
	assert_int_equal(check(q, &f, D2, NULL, &e), -EPERM);
	assert_non_null(strstr(e.msg, "it is for the manifest " D1));
}

#define GPG "gpg --homedir home --batch --quiet --pinentry-mode loopback --passphrase '' "

static void simple(void **state)
{
	(void)state;
	if (sh("gpg --version && mkdir -m 700 home && " GPG
	       "--quick-generate-key 'A <a@x>' rsa2048 sign 0 && " GPG
	       "--quick-generate-key 'B <b@x>' rsa2048 sign 0 && " GPG
	       "--armor --export a@x >a.asc && " GPG "--export b@x >b.gpg") != 0) {
		print_message("SKIP: gpg is not installed, or cannot make keys\n");
		skip();
	}
	payload("p", "atomic container signature", D1, "q.io/a:1");
	payload("p2", "atomic container signature", D2, "q.io/a:1");
	assert_int_equal(
		sh("rm -f good; " GPG "-u a@x -o good -s p; " GPG "-u a@x -o other -s p2; " GPG
		   "-u b@x -o by-b -s p; " GPG "-u a@x -u b@x -o twice -s p; " GPG
		   "--store -o unsigned p; " GPG "-u a@x -o clear --clearsign p;" GPG
		   "-u a@x -o detached -b p; echo junk >junk; cat unsigned good >joined;"
		   "head -c 300 good >cut; gpgconf --homedir home --kill gpg-agent"),
		0);
	static const struct {
		const char *key;
		const char *names[4];
		const char *words;
	} cases[] = {
		{"a.asc", {"good"}, NULL},
		{"b.gpg", {"by-b"}, NULL},
		{"a.asc", {"junk", "by-b", "good"}, NULL},
		{"a.asc", {"by-b"}, "made with another key"},
		{"a.asc", {"other"}, "it is for the manifest " D2},
		{"a.asc", {"unsigned"}, "no message with one OpenPGP signature"},
		{"a.asc", {"joined"}, "none of 1 counts"},
		{"a.asc", {"detached"}, "none of 1 counts"},
		{"a.asc", {"twice"}, "made with another key"},
		{"a.asc", {"junk"}, "no message with one"},
		{"a.asc", {"cut"}, "none of 1 counts"},
		{"junk", {"good"}, "has no OpenPGP public key"},
		{"missing", {"good"}, "No such file"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *q = mem_printf("{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\","
						  "\"keyPath\":\"%s/%s\"}",
			dir, cases[i].key);
		struct found f = {{NULL}, D1, 0};
		memcpy(f.names, cases[i].names, sizeof(f.names));
		expect(q, f, cases[i].words);
	}
	/* no key ring stays behind */
	assert_int_not_equal(sh("ls -d gpg-*"), 0);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	return file_remove_tree(AT_FDCWD, dir, &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sigstore),
		cmocka_unit_test(index_signed),
		cmocka_unit_test(simple),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
