/*
 * The features document (runtime-spec, features.md and features-linux.md): what
 * this build does on this kernel. Engines read it to decide what they may ask for.
 */
#pragma once

/* The newest version of the specification whose configs are understood */
#define RUNTIME_SPEC_VERSION     "1.3.0"
#define RUNTIME_SPEC_VERSION_MIN "1.0.0"

/* The document as JSON text with a newline; the caller frees it. Asks the kernel. */
char *runtime_features(void);
