/*
 * Every limit on what comes from outside, each with its reason. A module takes
 * its limits from here and nowhere else, so that one page answers "how much".
 */
#pragma once

#define LIMIT_DOCKERFILE        (1024 * 1024) /* BuildKit reads no more either */
#define LIMIT_ONBUILD_DEPTH     8             /* ONBUILD ONBUILD ...: refused when it is built */
#define LIMIT_EXPANSION         (1024 * 1024) /* a word after its variables; they may double */
#define LIMIT_EXPAND_DEPTH      64            /* ${a:-${b:-...}} */
#define LIMIT_EXPAND_STEPS      (64 * 1000 * 1000) /* comparisons of a ${v//pattern/}: a second */
#define LIMIT_IGNORE_PATTERN    4096               /* PATH_MAX */
#define LIMIT_IGNORE_FILE       (1024 * 1024)      /* a pattern file, by hand */
#define LIMIT_MANIFEST          (4 * 1024 * 1024)  /* distribution-spec: at least 4 MiB accepted */
#define LIMIT_CONFIG            (8 * 1024 * 1024)  /* an image config with a very long history */
#define LIMIT_RUNTIME_CONFIG    (16 * 1024 * 1024) /* engines write large seccomp sections */
#define LIMIT_PS_OUTPUT         (16 * 1024 * 1024) /* 100,000 processes of the host */
#define LIMIT_DBUS_MESSAGE      (1024 * 1024)      /* answers of systemd have a few hundred bytes */
#define LIMIT_JSON_DEPTH        256                /* no document of ours nests deeper than 20 */
#define LIMIT_BIT_LIST          65536              /* CPUs, NUMA nodes: kernels stop at 8192 */
#define LIMIT_LAYERS            512                /* overlayfs takes 500 lower directories */
#define LIMIT_LAYER_SIZE        (1ULL << 40)       /* 1 TiB unpacked: a bomb, not a layer */
#define LIMIT_BLOB_SIZE         (1ULL << 40)       /* a layer as it travels */
#define LIMIT_LAYER_ENTRIES     (8 * 1000 * 1000)  /* tens of times the largest image seen */
#define LIMIT_EXPAND_RATIO      2000               /* gzip's best is about 1030:1 */
#define LIMIT_EXPAND_FREE       (1 << 30)          /* below no bomb: zstd packs zeros 20,000:1 */
#define LIMIT_EXPAND_ASKED      (64 * 1024 * 1024) /* the same, where a ratio is asked for */
#define LIMIT_TAR_PATH          4096               /* PATH_MAX */
#define LIMIT_TAR_COMPONENT     255                /* NAME_MAX */
#define LIMIT_TAR_XATTRS        (1024 * 1024)      /* all extended attributes of an entry */
#define LIMIT_PAX_HEADER        (2 * 1024 * 1024)  /* pax records of one entry */
#define LIMIT_ENV_FILE          (1024 * 1024)      /* --env-file, by hand */
#define LIMIT_PASSWD_FILE       (16 * 1024 * 1024) /* /etc/passwd of an image */
#define LIMIT_SYMLINK_HOPS      40                 /* as the kernel */
#define LIMIT_BUILD_STAGES      1000         /* bounds the recursion over stages; 20 are many */
#define LIMIT_BUILD_STEPS       10000        /* of one stage; overlayfs ends at 500 layers */
#define LIMIT_ARCHIVE_ENTRIES   (200 * 1000) /* names in an archive of images: docker has 4 a layer */
#define LIMIT_ARCHIVE_DOCUMENTS (256 * 1024 * 1024) /* configs and manifests of such an archive */

/* configuration */
#define LIMIT_YAML                (1024 * 1024) /* a configuration or a list for sync, by hand */
#define LIMIT_YAML_NODES          (20 * 1000)   /* values of such a file */
#define LIMIT_YAML_DEPTH          32            /* ours nest 6 deep */
#define LIMIT_AUTH_FILE           (1024 * 1024) /* config.json: thousands of registries */
#define LIMIT_AUTH_HELPER_OUTPUT  (64 * 1024)   /* one account; tokens have a few KiB */
#define LIMIT_AUTH_HELPER_SECONDS 30 /* a helper may ask a cloud's API; nobody waits longer */

/* network */
#define LIMIT_NETWORK_TABLE (16 * 1024 * 1024) /* 65,000 containers with names and ports */
#define LIMIT_PROC_NET      (16 * 1024 * 1024) /* 100,000 sockets of the host */
#define LIMIT_RESOLV_CONF   (64 * 1024)        /* a few lines, by hand */

/* http, registry */
#define LIMIT_URL              8192          /* signed links of object stores have 2,000 bytes */
#define LIMIT_HTTP_HEADERS     (128 * 1024)  /* all header fields of one answer */
#define LIMIT_HTTP_BODY        (1024 * 1024) /* an answer that no callback takes */
#define LIMIT_HTTP_REDIRECTS   10            /* browsers follow 20; registries send one */
#define LIMIT_HTTP_RETRY_AFTER 300           /* seconds: nobody sits through more */
#define LIMIT_CHALLENGES       16            /* in all WWW-Authenticate fields of an answer */
#define LIMIT_CHALLENGE_PARAMS 32            /* of one challenge; bearer has four */
#define LIMIT_TOKEN            (256 * 1024)  /* a token server's answer; tokens have 4 KB */
#define LIMIT_ERROR_BODY       (64 * 1024)   /* an error document that is read for its words */
#define LIMIT_CERTIFICATES     (4 * 1024 * 1024) /* a file of authorities; the system's has 0.2 MB */
#define LIMIT_LIST_PAGE        (16 * 1024 * 1024) /* a page of tags; 10,000 of them have 0.3 MB */
#define LIMIT_LIST_ENTRIES     (4 * 1000 * 1000)  /* names in a list over all its pages */
#define LIMIT_REFERRERS        10000              /* of one manifest */
#define LIMIT_LIST_PAGES       100000             /* a list whose pages never end */
#define LIMIT_POLICY           (1024 * 1024)      /* policy.json, or one of its key rings */
#define LIMIT_SIGNATURE        (64 * 1024)        /* one signature and what it signs; usual: 1 KB */
#define LIMIT_SIGNATURES       128                /* of one image that are looked at */
