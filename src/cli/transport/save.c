/* kist save: images into an archive or a layout directory. */
#include "cli/transport/output.h"
#include "cli/store.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/reference.h"
#include "store/image.h"
#include "transport/save.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct images {
	struct transport_save_image *v;
	size_t n;
};

static void images_release(struct images *l)
{
	for (size_t i = 0; i < l->n; i++)
		strv_release(&l->v[i].names);
	free(l->v);
}

static int find_image(struct cli *c, struct store *s, const char *text, struct images *l)
{
	struct store_image img cleanup_store_image = {0};
	int r = store_image_find(s, text, &img, &c->err);
	if (r < 0)
		return r;
	size_t i = 0;
	while (i < l->n && !str_eq(l->v[i].id, img.id))
		i++;
	if (i == l->n) {
		l->v = mem_realloc(l->v, l->n + 1, sizeof(*l->v));
		l->v[l->n] = (struct transport_save_image){0};
		memcpy(l->v[l->n++].id, img.id, sizeof(img.id));
	}
	const char *tag = store_image_tag(&img, text);
	if (tag && !strv_has(&l->v[i].names, tag))
		strv_add(&l->v[i].names, tag);
	return 0;
}

static int read_options(struct cli *c, struct transport_save_options *o)
{
	const char *format = cli_value(c, "format"), *compression = cli_value(c, "compression");
	if (format && transport_format_parse(format, &o->format) < 0)
		return err_set(&c->err, ERR_USAGE,
			"--format '%s': it is docker-archive, oci-archive or oci-dir", format);
	o->any_compression = !compression;
	if (compression && oci_compression_parse(compression, &o->compression) < 0)
		return err_set(&c->err, ERR_USAGE, "--compression '%s': it is gzip, zstd or none",
			compression);
	if (compression && o->format == TRANSPORT_DOCKER_ARCHIVE)
		return err_set(&c->err, ERR_USAGE,
			"--compression: the layers of a docker-archive are plain; it goes with "
			"--format oci-archive or oci-dir");
	if (o->format == TRANSPORT_OCI_DIR && !cli_value(c, "output"))
		return err_set(&c->err, ERR_USAGE, "--format oci-dir needs -o DIRECTORY");
	return 0;
}

static bool is_empty_dir(int fd)
{
	DIR *d cleanup_dir = fdopendir(dup(fd));
	if (!d)
		return false;
	struct dirent *entry;
	while ((entry = readdir(d)))
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
			return false;
	return true;
}

/* A new directory, or an empty one that is there; after a failure it is as before. */
static int save_dir(struct cli *c, struct store *s, const struct images *l,
	const struct transport_save_options *o)
{
	const char *path = cli_value(c, "output");
	bool made = mkdir(path, 0777) == 0;
	if (!made && errno != EEXIST)
		return err_sys(&c->err, "create '%s'", path);
	int fd cleanup_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(&c->err, "open '%s'", path);
	if (!is_empty_dir(fd))
		return err_set(&c->err, ERR_EXISTS, "'%s' is not empty", path);
	int r = transport_save(s, l->v, l->n, o, fd, &c->err);
	if (r >= 0)
		return r;
	static const char *const written[] = {"blobs", "oci-layout", "index.json"};
	for (size_t i = 0; i < ARRAY_SIZE(written); i++)
		(void)file_remove_tree(fd, written[i], NULL);
	if (made)
		rmdir(path);
	return r;
}

static int cmd_save(struct cli *c)
{
	struct transport_save_options o = {0};
	int r = read_options(c, &o);
	if (r < 0)
		return r;
	struct store *s cleanup_store = NULL;
	struct images l cleanup(images_release) = {0};
	r = cli_store_open(c, &s, &c->err);
	for (int i = 0; i < c->n_operands && r >= 0; i++)
		r = find_image(c, s, c->operands[i], &l);
	if (r < 0)
		return r;
	if (o.format == TRANSPORT_OCI_DIR)
		return save_dir(c, s, &l, &o);
	struct outfile out;
	r = output_open(&out, cli_value(c, "output"), &c->err);
	if (r < 0)
		return r;
	return output_close(&out, transport_save(s, l.v, l.n, &o, out.fd, &c->err), &c->err);
}

CLI_COMMAND(save, cmd_save);
