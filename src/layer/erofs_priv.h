/*
 * The parts of the EROFS on-disk format (kernel: fs/erofs/erofs_fs.h) that our
 * indexes use: 512-byte blocks, inodes of 32 or 64 bytes at multiples of 32,
 * chunk-based files on extra devices, directories of sorted entries. All
 * numbers are little-endian; these structures are only for machines that are.
 */
#pragma once

#include "base/defs.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the EROFS index needs byte swapping on this machine"
#endif

#define EROFS_MAGIC        0xE0F5E1E2U
#define EROFS_SUPER_OFFSET 1024
#define EROFS_BLOCK_BITS   9
#define EROFS_BLOCK        (1U << EROFS_BLOCK_BITS)
#define EROFS_SLOT         32U /* an inode number counts these */

#define EROFS_COMPAT_CHECKSUM  0x1U
#define EROFS_COMPAT_MTIME     0x2U
#define EROFS_INCOMPAT_CHUNKED 0x4U
#define EROFS_INCOMPAT_DEVICES 0x8U

struct erofs_super {
	uint32_t magic;
	uint32_t checksum; /* CRC-32C of this block from here on, taken as 0 */
	uint32_t feature_compat;
	uint8_t block_bits;
	uint8_t ext_slots;
	uint16_t root_nid;
	uint64_t inodes;
	uint64_t epoch; /* seconds: the time of every 32-byte inode */
	uint32_t fixed_nsec;
	uint32_t blocks;
	uint32_t meta_block;
	uint32_t xattr_block;
	uint8_t uuid[16];
	uint8_t volume_name[16];
	uint32_t feature_incompat;
	uint16_t compression;
	uint16_t extra_devices;
	uint16_t device_slot; /* of the device table, in units of its entries */
	uint8_t dir_block_bits;
	uint8_t xattr_prefixes;
	uint32_t xattr_prefix_start;
	uint64_t packed_nid;
	uint8_t xattr_filter;
	uint8_t reserved[23];
};

struct erofs_device {
	uint8_t tag[64];
	uint32_t blocks;
	uint32_t mapped_block;
	uint8_t reserved[56];
};

enum { /* where an inode's data is; i_format bits 1 to 3 */
	EROFS_PLAIN = 0,
	EROFS_INLINE = 2, /* the last, partial block follows the inode */
	EROFS_CHUNKED = 4,
};
#define EROFS_FORMAT_EXTENDED 1U
#define EROFS_CHUNK_BITS_MASK 0x1fU
#define EROFS_CHUNK_INDEXES   0x20U

struct erofs_inode_compact {
	uint16_t format;
	uint16_t xattr_count;
	uint16_t mode;
	uint16_t nlink;
	uint32_t size;
	uint32_t mtime;
	uint32_t data; /* first block, device number, or chunk format */
	uint32_t ino;
	uint16_t uid;
	uint16_t gid;
	uint32_t reserved;
};

struct erofs_inode_extended {
	uint16_t format;
	uint16_t xattr_count;
	uint16_t mode;
	uint16_t reserved;
	uint64_t size;
	uint32_t data;
	uint32_t ino;
	uint32_t uid;
	uint32_t gid;
	uint64_t mtime;
	uint32_t mtime_nsec;
	uint32_t nlink;
	uint8_t reserved2[16];
};

struct erofs_xattr_header {
	uint32_t name_filter;
	uint8_t shared_count;
	uint8_t reserved[7];
};

struct erofs_xattr_entry { /* name and value follow; the whole rounded up to 4 */
	uint8_t name_len;
	uint8_t name_index;
	uint16_t value_size;
};

enum {
	EROFS_XATTR_USER = 1,
	EROFS_XATTR_ACL_ACCESS = 2,
	EROFS_XATTR_ACL_DEFAULT = 3,
	EROFS_XATTR_TRUSTED = 4,
	EROFS_XATTR_SECURITY = 6,
};

struct erofs_chunk {
	uint16_t reserved;
	uint16_t device; /* from 1 */
	uint32_t block;
};

struct erofs_dirent {
	uint64_t nid;
	uint16_t name_offset;
	uint8_t type;
	uint8_t reserved;
} __attribute__((packed));

_Static_assert(sizeof(struct erofs_super) == 128, "superblock");
_Static_assert(sizeof(struct erofs_device) == 128, "device slot");
_Static_assert(sizeof(struct erofs_inode_compact) == 32, "compact inode");
_Static_assert(sizeof(struct erofs_inode_extended) == 64, "extended inode");
_Static_assert(sizeof(struct erofs_xattr_header) == 12, "attribute header");
_Static_assert(sizeof(struct erofs_chunk) == 8, "chunk");
_Static_assert(sizeof(struct erofs_dirent) == 12, "directory entry");

/* Type codes of directory entries, from S_IFMT's bits */
static inline uint8_t erofs_dirent_type(uint32_t mode)
{
	static const uint8_t types[16] = {
		[8] = 1, [4] = 2, [2] = 3, [6] = 4, [1] = 5, [12] = 6, [10] = 7};
	return types[(mode >> 12) & 15];
}

/* The bytes of the attributes before an inode's data: icount as the inode has it */
static inline uint32_t erofs_xattr_size(uint16_t count)
{
	return count ? (uint32_t)sizeof(struct erofs_xattr_header) + 4U * (count - 1U) : 0;
}

/* CRC-32C without the final inversion, begun with ~0, as the kernel checks it */
uint32_t erofs_crc32c(const void *p, size_t len);
