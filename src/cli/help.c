/*
 * Help pages and man pages, both made from the commands' specifications: one
 * source, so they cannot disagree.
 */
#include "cli/cli.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <string.h>

static const char intro[] =
	"kist takes a container image through its life with one daemonless set of programs: "
	"build, look at, move and run it. Nothing stays running but what you asked for.";

static const struct cli_opt globals[] = {
	{"root", 0, "DIR", "where images and containers are kept (/var/lib/kist)", 0},
	{"runroot", 0, "DIR", "where the state of running containers is kept (/run/kist)", 0},
	{"storage-driver", 0, "erofs|dir", "how layers are mounted; chosen by itself at first use",
		0},
	{"config", 0, "FILE", "read this configuration instead of kist-config(5)'s files", 0},
	{"debug", 'D', NULL, "say what is done", 0},
	{"help", 'h', NULL, "this help", 0},
	{"version", 'v', NULL, "the version", 0},
	{NULL, 0, NULL, NULL, 0},
};

enum { HELP_COLUMN = 30, HELP_WIDTH = 98 };

/* Prints text from column `at`, broken at blanks, further lines indented by `indent`. */
static void print_wrapped(FILE *out, const char *text, int at, int indent, int width)
{
	int column = at;
	while (*text) {
		int len = (int)strcspn(text, " \n");
		if (column > indent && column + 1 + len > width) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (column > at || (column > indent && at != column)) {
			fputc(' ', out);
			column++;
		}
		fwrite(text, 1, (size_t)len, out);
		column += len;
		text += len;
		if (text[0] == '\n' && text[1] == '\n') {
			fprintf(out, "\n\n%*s", indent, "");
			column = indent;
			at = indent;
			text += 2;
			continue;
		}
		if (*text)
			text++;
	}
	fputc('\n', out);
}

static void print_option(FILE *out, const struct cli_opt *o)
{
	if (o->flags & (CLI_HIDDEN | CLI_REFUSED))
		return;
	char left[128];
	bool optional = o->flags & CLI_OPTIONAL;
	snprintf(left, sizeof(left), "  %c%c%c --%s%s%s%s", o->letter ? '-' : ' ',
		o->letter ? o->letter : ' ', o->letter ? ',' : ' ', o->name,
		optional ? "[="
		: o->arg ? " "
			 : "",
		o->arg ? o->arg : "", optional ? "]" : "");
	int n = (int)strlen(left);
	if (n >= HELP_COLUMN)
		fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
	else
		fprintf(out, "%-*s", HELP_COLUMN, left);
	print_wrapped(out, o->help, HELP_COLUMN, HELP_COLUMN, HELP_WIDTH);
}

static void print_lines(FILE *out, const char *text)
{
	while (text && *text) {
		int len = (int)strcspn(text, "\n");
		fprintf(out, "  %.*s\n", len, text);
		text += len;
		if (*text)
			text++;
	}
}

void cli_usage_line(FILE *out, const struct cli_spec *s)
{
	bool any = false;
	for (const struct cli_opt *o = s->opts; o && o->name; o++)
		any |= !(o->flags & (CLI_HIDDEN | CLI_REFUSED));
	fprintf(out, "kist %s%s%s%s\n", s->name, any ? " [OPTIONS]" : "",
		str_empty(s->operands) ? "" : " ", s->operands ? s->operands : "");
}

void cli_help(FILE *out)
{
	const struct cli_spec *const *specs;
	size_t n = cli_specs(&specs);
	fputs("Usage: kist [OPTIONS] COMMAND\n\n", out);
	print_wrapped(out, intro, 0, 0, HELP_WIDTH);
	fputs("\nCommands:\n", out);
	for (size_t i = 0; i < n; i++)
		if (!(specs[i]->flags & CLI_INTERNAL))
			fprintf(out, "  %-12s %s\n", specs[i]->name, specs[i]->summary);
	fputs("\nOptions (before the command):\n", out);
	for (const struct cli_opt *o = globals; o->name; o++)
		print_option(out, o);
	fputs("\n`kist COMMAND --help` explains one command.\n", out);
}

void cli_help_command(FILE *out, const struct cli_spec *s)
{
	fputs("Usage: ", out);
	cli_usage_line(out, s);
	fputc('\n', out);
	print_wrapped(out, s->text ? s->text : s->summary, 0, 0, HELP_WIDTH);
	bool first = true;
	for (const struct cli_opt *o = s->opts; o && o->name; o++) {
		if (first)
			fputs("\nOptions:\n", out);
		first = false;
		print_option(out, o);
	}
	if (s->alias)
		fprintf(out, "\nAlso called `kist %s`.\n", s->alias);
	if (s->statuses) {
		fputs("\nExit status:\n", out);
		print_lines(out, s->statuses);
	}
	if (s->examples) {
		fputs("\nExamples:\n", out);
		print_lines(out, s->examples);
	}
}

/* Text for roff: backslashes and dashes escaped, no line begins with a control character. */
static void roff(FILE *out, const char *text)
{
	bool start = true;
	for (; *text; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", out);
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
		start = *text == '\n';
	}
}

static void roff_paragraphs(FILE *out, const char *text)
{
	while (*text) {
		const char *end = strstr(text, "\n\n");
		cleanup_free char *part =
			mem_strndup(text, end ? (size_t)(end - text) : strlen(text));
		fputs(".PP\n", out);
		roff(out, part);
		fputc('\n', out);
		text = end ? end + 2 : text + strlen(text);
	}
}

static void roff_title(FILE *out, const char *name)
{
	fputs(".TH \"", out);
	for (; *name; name++)
		fputc(toupper((unsigned char)*name), out);
	fputs("\" \"1\" \"\" \"kist " KIST_VERSION "\" \"kist manual\"\n", out);
}

static void roff_options(FILE *out, const struct cli_opt *opts)
{
	for (const struct cli_opt *o = opts; o && o->name; o++) {
		if (o->flags & (CLI_HIDDEN | CLI_REFUSED))
			continue;
		fputs(".TP\n", out);
		if (o->letter)
			fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB\\-\\-", out);
		roff(out, o->name);
		fputs("\\fR", out);
		if (o->arg) {
			fputs(o->flags & CLI_OPTIONAL ? "[=\\fI" : " \\fI", out);
			roff(out, o->arg);
			fputs(o->flags & CLI_OPTIONAL ? "\\fR]" : "\\fR", out);
		}
		fputc('\n', out);
		roff(out, o->help);
		fputc('\n', out);
	}
}

static void roff_verbatim(FILE *out, const char *heading, const char *text)
{
	fprintf(out, ".SH %s\n.nf\n", heading);
	roff(out, text);
	fputs("\n.fi\n", out);
}

void cli_man_command(FILE *out, const struct cli_spec *s)
{
	cleanup_free char *name = mem_printf("kist-%s", s->name);
	roff_title(out, name);
	fputs(".SH NAME\n", out);
	roff(out, name);
	fputs(" \\- ", out);
	roff(out, s->summary);
	fprintf(out, "\n.SH SYNOPSIS\n\\fBkist %s\\fR%s ", s->name, s->opts ? " [OPTIONS]" : "");
	roff(out, s->operands ? s->operands : "");
	fputs("\n.SH DESCRIPTION\n", out);
	roff_paragraphs(out, s->text ? s->text : s->summary);
	if (s->opts) {
		fputs(".SH OPTIONS\n", out);
		roff_options(out, s->opts);
	}
	if (s->statuses)
		roff_verbatim(out, "EXIT STATUS", s->statuses);
	if (s->examples)
		roff_verbatim(out, "EXAMPLES", s->examples);
	fputs(".SH SEE ALSO\n\\fBkist\\fR(1)\n", out);
}

void cli_man(FILE *out)
{
	const struct cli_spec *const *specs;
	size_t n = cli_specs(&specs);
	roff_title(out, "kist");
	fputs(".SH NAME\nkist \\- build, look at, move and run container images without a daemon\n"
	      ".SH SYNOPSIS\n\\fBkist\\fR [OPTIONS] COMMAND\n.SH DESCRIPTION\n",
		out);
	roff_paragraphs(out, intro);
	fputs(".SH OPTIONS\n", out);
	roff_options(out, globals);
	fputs(".SH COMMANDS\n", out);
	for (size_t i = 0; i < n; i++) {
		if (specs[i]->flags & CLI_INTERNAL)
			continue;
		fprintf(out, ".TP\n\\fBkist\\-%s\\fR(1)\n", specs[i]->name);
		roff(out, specs[i]->summary);
		fputc('\n', out);
	}
	fputs(".SH FILES\n.TP\n/var/lib/kist\nimages, layers, containers, build cache (root)\n"
	      ".TP\n/run/kist\nthe state of running containers (root)\n"
	      ".TP\n$XDG_DATA_HOME/kist, $XDG_RUNTIME_DIR/kist\nthe same without root\n"
	      ".TP\n/etc/kist/config.yaml, $XDG_CONFIG_HOME/kist/config.yaml\n"
	      "configuration: \\fBkist-config\\fR(5)\n",
		out);
}
