/* Texts that the engine reads: options, env files, and its own records, which a crash may have cut.
 * The first byte chooses the parser. */
#include "base/err.h"
#include "base/mem.h"
#include "engine/config.h"
#include "engine/log.h"
#include "engine/option.h"
#include "engine/state.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void options(const char *text)
{
	struct engine_mounts m = {0};
	struct engine_config c = ENGINE_CONFIG_INIT;
	struct oci_convert_rlimit limit;
	char *host = NULL, *inside = NULL, access[4];
	struct err e = ERR_INIT;
	engine_option_volume(text, &m, &e);
	engine_option_mount(text, &m, NULL);
	engine_option_tmpfs(text, &m, NULL);
	engine_option_ulimit(text, &limit, NULL);
	if (engine_option_device(text, &host, &inside, access, NULL) == 0) {
		free(host);
		free(inside);
	}
	engine_option_restart(text, &c, NULL);
	engine_option_log(text, &c, NULL);
	engine_mounts_release(&m);
	engine_config_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	cleanup_free char *text = mem_strndup((const char *)data + 1, size - 1);
	const char *bytes = (const char *)data + 1;
	struct strv env cleanup_strv = STRV_INIT;
	struct engine_config c = ENGINE_CONFIG_INIT;
	struct engine_log_record record;
	struct engine_state state;
	switch (data[0] % 5) {
	case 0:
		options(text);
		break;
	case 1:
		engine_option_env_file(bytes, size - 1, "f", NULL, &env, NULL);
		break;
	case 2:
		if (engine_config_parse(text, &c, NULL) >= 0)
			engine_config_release(&c);
		break;
	case 3:
		engine_log_parse(bytes, size - 1, &record);
		break;
	case 4:
		engine_state_parse(bytes, size - 1, &state);
		break;
	}
	return 0;
}
