/*
 * An entry is a header of 110 bytes, the name with its NUL, padding to 4 bytes, the contents,
 * padding to 4 bytes. The header is ASCII: "070701" ("070702" with a checksum) and thirteen numbers
 * of eight hexadecimal digits.
 */
#include "kernel/cpio.h"

#include "kernel/string.h"

#define MAGIC_SIZE 6
#define DIGITS 8
#define TRAILER "TRAILER!!!"

enum field {
    INO,
    MODE,
    UID,
    GID,
    NLINK,
    MTIME,
    FILE_SIZE,
    DEV_MAJOR,
    DEV_MINOR,
    RDEV_MAJOR,
    RDEV_MINOR,
    NAME_SIZE,
    CHECKSUM,
    FIELDS
};
#define HEADER_SIZE (MAGIC_SIZE + FIELDS * DIGITS)

void cpio_open(struct cpio *cpio, const void *data, uint64_t size)
{
    cpio->data = data;
    cpio->size = size;
    cpio->offset = 0;
    cpio->entries = 0;
    cpio->error = NULL;
}

static bool fail(struct cpio *cpio, uint64_t offset, const char *error)
{
    cpio->offset = offset;
    cpio->error = error;
    return false;
}

static uint64_t left(const struct cpio *cpio)
{
    return cpio->size - cpio->offset;
}

/* Go on at @offset, rounded up to 4; the padding may be missing at the very end. */
static void advance(struct cpio *cpio, uint64_t offset)
{
    offset = (offset + 3) & ~(uint64_t)3;
    cpio->offset = offset < cpio->size ? offset : cpio->size;
}

static bool parse_hex(const uint8_t *digits, uint32_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < DIGITS; i++) {
        unsigned c = digits[i], lower = c | 0x20;

        if (c >= '0' && c <= '9')
            *value = *value << 4 | (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            *value = *value << 4 | (lower - 'a' + 10);
        else
            return false;
    }
    return true;
}

static bool read_header(struct cpio *cpio, uint32_t field[FIELDS], bool *sum)
{
    const uint8_t *at = cpio->data + cpio->offset;

    if (left(cpio) < HEADER_SIZE)
        return fail(cpio, cpio->offset, "the archive ends in a header");
    if (memcmp(at, "07070", MAGIC_SIZE - 1) != 0 || (at[5] != '1' && at[5] != '2'))
        return fail(cpio, cpio->offset, "not a newc header");
    *sum = at[5] == '2';
    at += MAGIC_SIZE;
    for (unsigned i = 0; i < FIELDS; i++, at += DIGITS)
        if (!parse_hex(at, &field[i]))
            return fail(cpio, (uint64_t)(at - cpio->data), "a number that is not hexadecimal");
    return true;
}

/*
 * Copy the name at @raw, @size bytes with its NUL, to @cpio->name: no empty or "." components, no ".." at all.
 * A name of this length always fits.
 */
static bool normalise_name(struct cpio *cpio, const char *raw)
{
    size_t length = 0;

    while (*raw) {
        const char *slash = strchr(raw, '/');
        size_t n = slash ? (size_t)(slash - raw) : strlen(raw);

        if (n == 2 && raw[0] == '.' && raw[1] == '.')
            return false;
        if (n > 0 && !(n == 1 && raw[0] == '.')) {
            if (length > 0)
                cpio->name[length++] = '/';
            memcpy(cpio->name + length, raw, n);
            length += n;
        }
        raw += slash ? n + 1 : n;
    }
    cpio->name[length] = '\0';
    return true;
}

/* Check the name of @size bytes behind the header, which starts at @cpio->offset, and step over it. */
static bool read_name(struct cpio *cpio, uint32_t size, const char **raw)
{
    uint64_t at = cpio->offset + HEADER_SIZE;

    if (size == 0 || size > CPIO_NAME_SIZE)
        return fail(cpio, cpio->offset, "absurd length of a name");
    if (size > cpio->size - at)
        return fail(cpio, at, "name runs past the end");
    *raw = (const char *)cpio->data + at;
    if (strnlen(*raw, size) != size - 1)
        return fail(cpio, at, "name does not end where its length says");
    advance(cpio, at + size);
    return true;
}

static bool read_body(struct cpio *cpio, const uint32_t field[FIELDS], bool sum,
                      const uint8_t **body)
{
    uint32_t size = field[FILE_SIZE], total = 0;

    if (size > left(cpio))
        return fail(cpio, cpio->offset, "contents run past the end");
    *body = cpio->data + cpio->offset;
    for (uint32_t i = 0; sum && i < size; i++)
        total += (*body)[i];
    if (sum && total != field[CHECKSUM])
        return fail(cpio, cpio->offset, "checksum does not match");
    advance(cpio, cpio->offset + size);
    return true;
}

/* Behind a trailer: step over zeros. True when another archive follows. */
static bool skip_zeros(struct cpio *cpio)
{
    while (cpio->offset < cpio->size && cpio->data[cpio->offset] == 0)
        cpio->offset++;
    return cpio->offset < cpio->size;
}

static void fill(struct cpio_entry *entry, const uint32_t field[FIELDS], const char *name,
                 const uint8_t *body)
{
    *entry = (struct cpio_entry){
        .name = name,
        .ino = field[INO],
        .mode = field[MODE],
        .uid = field[UID],
        .gid = field[GID],
        .nlink = field[NLINK],
        .mtime = field[MTIME],
        .dev_major = field[DEV_MAJOR],
        .dev_minor = field[DEV_MINOR],
        .rdev_major = field[RDEV_MAJOR],
        .rdev_minor = field[RDEV_MINOR],
        .data = body,
        .size = field[FILE_SIZE],
    };
}

bool cpio_next(struct cpio *cpio, struct cpio_entry *entry)
{
    uint32_t field[FIELDS];
    const char *raw = NULL;
    const uint8_t *body = NULL;
    bool sum = false;

    for (;;) {
        uint64_t header = cpio->offset;

        cpio->entries++;
        if (left(cpio) == 0)
            return fail(cpio, header, "the archive ends without " TRAILER);
        if (!read_header(cpio, field, &sum) || !read_name(cpio, field[NAME_SIZE], &raw) ||
            !read_body(cpio, field, sum, &body))
            return false;
        if (strcmp(raw, TRAILER) != 0)
            break;
        if (!skip_zeros(cpio))
            return false;
    }
    if (!normalise_name(cpio, raw))
        return fail(cpio, cpio->offset, "name with \"..\" in it");
    fill(entry, field, cpio->name, body);
    return true;
}
