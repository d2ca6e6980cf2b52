/* Reading the DWARF encodings of .eh_frame and .eh_frame_hdr from memory.
 *
 * Sources: DWARF 5 section 7.6 (LEB128); Linux Standard Base Core 5.0, "DWARF Extensions" (pointer encodings).
 * A cursor that is asked for more than it has returns 0 and stays `bad`: callers check once, at the end.
 */
#ifndef VZ_UNWIND_DWARF_H
#define VZ_UNWIND_DWARF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct vz_cursor {
    const uint8_t *at, *end;
    bool bad;
};

enum {
    VZ_PE_ABSOLUTE = 0x00,
    VZ_PE_ULEB128 = 0x01,
    VZ_PE_UDATA2 = 0x02,
    VZ_PE_UDATA4 = 0x03,
    VZ_PE_UDATA8 = 0x04,
    VZ_PE_SLEB128 = 0x09,
    VZ_PE_SDATA2 = 0x0a,
    VZ_PE_SDATA4 = 0x0b,
    VZ_PE_SDATA8 = 0x0c,
    VZ_PE_FORMAT = 0x0f,
    VZ_PE_PC_RELATIVE = 0x10,
    VZ_PE_DATA_RELATIVE = 0x30,
    VZ_PE_APPLICATION = 0x70,
    VZ_PE_INDIRECT = 0x80,
    VZ_PE_OMIT = 0xff
};

static inline uint64_t vz_cursor_unsigned(struct vz_cursor *cursor, size_t bytes)
{
    uint64_t value = 0;
    if (bytes > (size_t)(cursor->end - cursor->at)) {
        cursor->bad = true;
        cursor->at = cursor->end;
        return 0;
    }
    memcpy(&value, cursor->at, bytes); /* little-endian, as the target is */
    cursor->at += bytes;
    return value;
}

static inline int64_t vz_cursor_signed(struct vz_cursor *cursor, size_t bytes)
{
    const unsigned unused_bits = 64u - 8u * (unsigned)bytes;
    return (int64_t)(vz_cursor_unsigned(cursor, bytes) << unused_bits) >> unused_bits;
}

static inline uint8_t vz_cursor_byte(struct vz_cursor *cursor) { return (uint8_t)vz_cursor_unsigned(cursor, 1); }

static inline void vz_cursor_skip(struct vz_cursor *cursor, uint64_t bytes)
{
    cursor->bad |= bytes > (size_t)(cursor->end - cursor->at);
    cursor->at = cursor->bad ? cursor->end : cursor->at + bytes;
}

static inline uint64_t vz_cursor_uleb(struct vz_cursor *cursor)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        const uint8_t byte = vz_cursor_byte(cursor);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return value;
    }
}

static inline int64_t vz_cursor_sleb(struct vz_cursor *cursor)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = vz_cursor_byte(cursor);
        if (shift < 64)
            value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && (byte & 0x40))
        value |= ~UINT64_C(0) << shift;
    return (int64_t)value;
}

/* The value of a pointer in this encoding, without following VZ_PE_INDIRECT. data: what VZ_PE_DATA_RELATIVE counts
 * from. */
static inline uintptr_t vz_cursor_pointer(struct vz_cursor *cursor, uint8_t encoding, uint64_t data)
{
    const uint64_t place = (uint64_t)(uintptr_t)cursor->at;
    uint64_t value = 0;
    switch (encoding & VZ_PE_FORMAT) {
    case VZ_PE_ABSOLUTE:
        value = vz_cursor_unsigned(cursor, sizeof(uintptr_t));
        break;
    case VZ_PE_UDATA8:
    case VZ_PE_SDATA8:
        value = vz_cursor_unsigned(cursor, 8);
        break;
    case VZ_PE_ULEB128:
        value = vz_cursor_uleb(cursor);
        break;
    case VZ_PE_UDATA2:
        value = vz_cursor_unsigned(cursor, 2);
        break;
    case VZ_PE_UDATA4:
        value = vz_cursor_unsigned(cursor, 4);
        break;
    case VZ_PE_SLEB128:
        value = (uint64_t)vz_cursor_sleb(cursor);
        break;
    case VZ_PE_SDATA2:
        value = (uint64_t)vz_cursor_signed(cursor, 2);
        break;
    case VZ_PE_SDATA4:
        value = (uint64_t)vz_cursor_signed(cursor, 4);
        break;
    default:
        cursor->bad = true;
    }
    switch (encoding & VZ_PE_APPLICATION) {
    case VZ_PE_ABSOLUTE:
        return (uintptr_t)value;
    case VZ_PE_PC_RELATIVE:
        return (uintptr_t)(value + place);
    case VZ_PE_DATA_RELATIVE:
        return (uintptr_t)(value + data);
    default:
        cursor->bad = true;
        return 0;
    }
}

#endif
