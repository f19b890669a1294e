/* OpenPGP signatures, verified by gpg with a key ring of its own that holds only the policy's
 * keys: neither the person's ring nor any agent or key server takes part. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "trust/policy_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int memory_file(const void *p, size_t len, struct err *e)
{
	cleanup_fd int fd = memfd_create("kist-trust", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "memfd_create");
	int r = io_write_all(fd, p, len);
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sysno(e, r < 0 ? r : -errno, "write a memory file");
	return STEAL_FD(fd);
}

/* Runs gpg with args (NULL-terminated) behind those that keep it to itself. */
static int run(const char *home, const char *const *args, int in, struct buf *out, struct err *e)
{
	static const char *const own[] = {"--no-options", "--batch", "--no-tty", "--quiet",
		"--no-autostart", "--disable-dirmngr", "--no-auto-key-retrieve",
		"--no-auto-check-trustdb", "--trust-model", "always", "--status-fd", "1"};
	struct strv argv cleanup_strv = STRV_INIT;
	strv_add(&argv, "gpg");
	strv_add(&argv, "--homedir");
	strv_add(&argv, home);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		strv_add(&argv, own[i]);
	for (size_t i = 0; args[i]; i++)
		strv_add(&argv, args[i]);
	int r = proc_run(strv_items(&argv), in, out, PROC_QUIET_STDERR, e);
	if (r == 127) {
		r = err_set(e, ERR_UNSUPPORTED,
			"gpg is not installed: signatures of signedBy cannot be verified");
		err_hint(e, "install GnuPG (Debian: apt install gpg)");
	}
	return r;
}

static int import_keys(const char *home, const struct trust_key *keys, size_t nkeys, struct err *e)
{
	static const char *const args[] = {"--import", NULL};
	for (size_t i = 0; i < nkeys; i++) {
		const char *name = keys[i].path ? keys[i].path : "keyData";
		struct buf key cleanup_buf = BUF_INIT_MAX(LIMIT_POLICY);
		struct buf status cleanup_buf = BUF_INIT_MAX(LIMIT_SIGNATURE);
		int r = trust_key_read(&keys[i], &key, e);
		cleanup_fd int in = r < 0 ? r : memory_file(buf_str(&key), key.len, e);
		if (in < 0)
			return in;
		r = run(home, args, in, &status, e);
		if (r < 0)
			return r;
		if (!strstr(buf_str(&status), "[GNUPG:] IMPORT_OK "))
			return err_set(e, ERR_FORMAT, "'%s' has no OpenPGP public key", name);
	}
	return 0;
}

static size_t count(const char *status, const char *word)
{
	cleanup_free char *line = mem_printf("[GNUPG:] %s", word);
	size_t n = 0;
	for (const char *p = status; (p = strstr(p, line)); p += strlen(line)) {
		char end = p[strlen(line)];
		/* text of others may be quoted in a line, but never begins one */
		n += (p == status || p[-1] == '\n') && (end == ' ' || end == '\n' || !end);
	}
	return n;
}

/* Exactly one signature, good, by a key that is neither expired nor revoked, around one piece of
 * data; nothing encrypted. */
static int judge(const char *status, int exit_status, struct err *e)
{
	if (count(status, "REVKEYSIG"))
		return err_set(e, EPERM, "its key has been revoked");
	if (count(status, "EXPKEYSIG"))
		return err_set(e, EPERM, "its key has expired");
	if (count(status, "EXPSIG"))
		return err_set(e, EPERM, "it has expired");
	if (count(status, "NO_PUBKEY"))
		return err_set(e, EPERM, "it was made with another key");
	if (count(status, "BADSIG"))
		return err_set(e, EPERM, "it does not fit its content");
	bool good = exit_status == 0 && count(status, "NEWSIG") == 1 &&
		    count(status, "GOODSIG") == 1 && count(status, "VALIDSIG") == 1 &&
		    count(status, "PLAINTEXT") == 1 && !count(status, "ERRSIG") &&
		    !count(status, "BEGIN_DECRYPTION");
	return good ? 0 : err_set(e, EPERM, "it is no message with one OpenPGP signature");
}

static int verify_in(const char *home, const struct trust_key *keys, size_t nkeys,
	const struct trust_signature *s, struct buf *ret, struct err *e)
{
	int r = import_keys(home, keys, nkeys, e);
	if (r < 0)
		return r;
	cleanup_fd int in = memory_file(s->bytes, s->len, e);
	if (in < 0)
		return in;
	cleanup_free char *payload = mem_printf("%s/payload", home);
	cleanup_free char *max = mem_printf("%d", LIMIT_SIGNATURE);
	const char *const args[] = {"--max-output", max, "--output", payload, "--decrypt", NULL};
	struct buf status cleanup_buf = BUF_INIT_MAX(LIMIT_SIGNATURE);
	r = run(home, args, in, &status, e);
	if (r >= 0)
		r = judge(buf_str(&status), r, e);
	return r < 0 ? r : file_read(AT_FDCWD, payload, ret, e);
}

int trust_gpg_verify(const char *tmp_dir, const struct trust_key *keys, size_t nkeys,
	const struct trust_signature *s, struct buf *ret, struct err *e)
{
	cleanup_free char *home = mem_printf("%s/gpg-XXXXXX", tmp_dir);
	if (!mkdtemp(home))
		return err_sys(e, "create a directory in '%s'", tmp_dir);
	int r = verify_in(home, keys, nkeys, s, ret, e);
	int k = file_remove_tree(AT_FDCWD, home, r < 0 ? NULL : e);
	return r < 0 ? r : k;
}
