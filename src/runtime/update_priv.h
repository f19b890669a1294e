/* Parts of an update. */
#pragma once

#include <jansson.h>

/* Puts what `from` says into `to`, both a linux.resources object; list entries for the same device,
 * page size or interface are replaced, others kept. */
void resources_merge(json_t *to, json_t *from);
/* The sections (memory, cpu ...) of `merged` that `given` names: fields of one section depend on
 * each other, sections do not. A new reference. */
json_t *resources_touched(json_t *merged, json_t *given);
