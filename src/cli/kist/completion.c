/* kist completion bash|zsh|fish: scripts made from the specifications. */
#include "cli/cli.h"
#include "base/str.h"

static bool shown(const struct cli_opt *o)
{
	return !(o->flags & (CLI_HIDDEN | CLI_REFUSED));
}

static void print_commands(void)
{
	const struct cli_spec *const *specs;
	size_t n = cli_specs(&specs);
	for (size_t i = 0; i < n; i++)
		if (!(specs[i]->flags & CLI_INTERNAL))
			printf("%s ", specs[i]->name);
}

/* Operands that are names of images or containers are asked of kist itself. */
static const char bash_tail[] =
	"  case $verb in\n"
	"    run|create|rmi|tag|history|save) words=$(kist images --format '{{.Reference}}' "
	"2>/dev/null) ;;\n"
	"    start|stop|kill|rm|logs|exec|wait|export|commit)\n"
	"      words=$(kist ps -a --format '{{.Names}}' 2>/dev/null) ;;\n"
	"    *) words= ;;\n"
	"  esac\n"
	"  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\") $(compgen -f -- \"$cur\"))\n"
	"}\n"
	"complete -o filenames -F _kist kist\n";

static void bash(void)
{
	const struct cli_spec *const *specs;
	size_t n = cli_specs(&specs);
	fputs("# bash completion of kist, made by `kist completion bash`\n_kist() {\n"
	      "  local cur=${COMP_WORDS[COMP_CWORD]} verb= words i\n"
	      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "    case ${COMP_WORDS[i]} in\n"
	      "      --root|--runroot|--storage-driver) ((i++)) ;;\n"
	      "      -*) ;;\n"
	      "      *) verb=${COMP_WORDS[i]}; break ;;\n"
	      "    esac\n"
	      "  done\n"
	      "  if [[ -z $verb ]]; then\n    COMPREPLY=($(compgen -W \"",
		stdout);
	print_commands();
	fputs("--root --runroot --storage-driver --debug --help --version\" -- \"$cur\"))\n"
	      "    return\n  fi\n  if [[ $cur == -* ]]; then\n    case $verb in\n",
		stdout);
	for (size_t i = 0; i < n; i++) {
		printf("      %s) words='--help", specs[i]->name);
		for (const struct cli_opt *o = specs[i]->opts; o && o->name; o++)
			if (shown(o))
				printf(" --%s", o->name);
		fputs("' ;;\n", stdout);
	}
	fputs("      *) words= ;;\n    esac\n"
	      "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n    return\n  fi\n",
		stdout);
	fputs(bash_tail, stdout);
}

/* single quotes inside a single-quoted word of a shell */
static void quoted(const char *text, const char *quote)
{
	for (; *text; text++)
		if (*text == '\'')
			fputs(quote, stdout);
		else if (*text == '[' || *text == ']' || *text == ':')
			printf("\\%c", *text);
		else
			putchar(*text);
}

static void zsh(void)
{
	const struct cli_spec *const *specs;
	size_t n = cli_specs(&specs);
	fputs("#compdef kist\n# zsh completion of kist, made by `kist completion zsh`\n_kist() {\n"
	      "  local -a commands\n  commands=(\n",
		stdout);
	for (size_t i = 0; i < n; i++) {
		if (specs[i]->flags & CLI_INTERNAL)
			continue;
		printf("    '%s:", specs[i]->name);
		quoted(specs[i]->summary, "'\\''");
		fputs("'\n", stdout);
	}
	fputs("  )\n  _arguments -C '--root[store]:directory:_files -/' "
	      "'--runroot[run state]:directory:_files -/' '--debug[say what is done]' "
	      "'1:command:->command' '*::argument:->argument'\n"
	      "  case $state in\n    command) _describe command commands ;;\n"
	      "    argument)\n      case $words[1] in\n",
		stdout);
	for (size_t i = 0; i < n; i++) {
		printf("        %s) _arguments", specs[i]->name);
		for (const struct cli_opt *o = specs[i]->opts; o && o->name; o++) {
			if (!shown(o))
				continue;
			printf(" '*--%s%s[", o->name, o->arg ? "=" : "");
			quoted(o->help, "'\\''");
			printf("]%s'", o->arg ? ":value:_files" : "");
		}
		fputs(" '*:argument:_files' ;;\n", stdout);
	}
	fputs("      esac ;;\n  esac\n}\n_kist \"$@\"\n", stdout);
}

static void fish_quoted(const char *text)
{
	for (; *text; text++)
		if (*text == '\'' || *text == '\\')
			printf("\\%c", *text);
		else
			putchar(*text);
}

static void fish(void)
{
	const struct cli_spec *const *specs;
	size_t n = cli_specs(&specs);
	fputs("# fish completion of kist, made by `kist completion fish`\n", stdout);
	for (size_t i = 0; i < n; i++) {
		if (specs[i]->flags & CLI_INTERNAL)
			continue;
		printf("complete -c kist -n __fish_use_subcommand -a %s -d '", specs[i]->name);
		fish_quoted(specs[i]->summary);
		fputs("'\n", stdout);
		for (const struct cli_opt *o = specs[i]->opts; o && o->name; o++) {
			if (!shown(o))
				continue;
			printf("complete -c kist -n '__fish_seen_subcommand_from %s' -l %s",
				specs[i]->name, o->name);
			if (o->letter)
				printf(" -s %c", o->letter);
			printf("%s -d '", o->arg ? " -r" : "");
			fish_quoted(o->help);
			fputs("'\n", stdout);
		}
	}
}

static int cmd_completion(struct cli *c)
{
	if (str_eq(c->operands[0], "bash"))
		bash();
	else if (str_eq(c->operands[0], "zsh"))
		zsh();
	else if (str_eq(c->operands[0], "fish"))
		fish();
	else
		return err_set(&c->err, ERR_USAGE, "no completion for '%s': bash, zsh or fish",
			c->operands[0]);
	return 0;
}

CLI_COMMAND(completion, cmd_completion);
