/* Names for containers that were given none: "calm_heron". */
#pragma once

#include "base/defs.h"

#define ENGINE_NAME_MAX 64
/* attempt: from the third on a number follows, so that one is found. */
void engine_name_random(unsigned attempt, char out[ENGINE_NAME_MAX]);
