/* The man page kist-runtime(8), from the same tables as the help and the parser. */
#include "cli/runtime/runtime.h"
#include "runtime/features.h"

#include <ctype.h>

/* Text for roff: dashes and backslashes escaped */
static void roff(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '-' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void roff_options(FILE *out, const struct option_spec *table)
{
	for (const struct option_spec *o = table; o && o->name; o++) {
		fputs(".TP\n", out);
		if (o->letter)
			fprintf(out, "\\fB\\-%c\\fR, ", o->letter);
		fputs("\\fB\\-\\-", out);
		roff(out, o->name);
		fprintf(out, "\\fR %s%s%s\n", o->arg ? "\\fI" : "", o->arg ? o->arg : "",
			o->arg ? "\\fR" : "");
		roff(out, o->help);
		fputs(".\n", out);
	}
}

static void roff_command(FILE *out, const struct command *c)
{
	fprintf(out, ".SS %s%s %s\n", c->name, c->options ? " [OPTIONS]" : "", c->operands);
	fputc(toupper((unsigned char)c->text[0]), out);
	roff(out, c->text + 1);
	fputs(".\n", out);
	roff_options(out, c->options);
}

void man_page(FILE *out)
{
	fprintf(out,
		".TH KIST\\-RUNTIME 8 \"\" \"kist " KIST_VERSION "\"\n"
		".SH NAME\nkist\\-runtime \\- an OCI runtime for container engines\n"
		".SH SYNOPSIS\n.B kist\\-runtime\n[OPTIONS] COMMAND ...\n"
		".SH DESCRIPTION\n"
		"Makes, starts and looks after containers from bundles (runtime-spec "
		"%s), as\n.BR runc (8)\nand\n.BR crun (1)\ndo, whose command lines it takes. "
		"podman, containerd, CRI\\-O and Docker can\nuse it in their place; kist run uses "
		"the same code without it.\n"
		".PP\nAn id of a container has at most 255 letters, digits and _ + \\- . and does "
		"not begin\nwith a dot. The configuration is read by create: later changes do not "
		"count.\n"
		".SH OPTIONS\n",
		RUNTIME_SPEC_VERSION);
	roff_options(out, global_options);
	fputs(".PP\nThey may stand behind the command, too.\n.SH COMMANDS\n", out);
	for (size_t i = 0; commands[i]; i++)
		roff_command(out, commands[i]);
	fputs(".SH EXIT STATUS\n"
	      "0 when it is done; 1 on an error, 255 on an error of exec. run and exec in the "
	      "foreground\nend with the status of the program, or with 128 and the number of the "
	      "signal that ended it.\n"
	      ".SH FILES\n.TP\n.I /run/kist/runtime/ID\n"
	      "The state of a container; below $XDG_RUNTIME_DIR for a user without privileges.\n"
	      ".SH SEE ALSO\n.BR kist (1),\n.BR kist\\-run (1)\n",
		out);
}
