/* Binary search in .eh_frame_hdr, and parsing of the CIE and FDE it leads to.
 *
 * Source: Linux Standard Base Core 5.0, "Exception Frames". Entries outside the module's mapped range are not followed.
 * A module whose linker wrote no search table counts as having no unwind data: a scan would take milliseconds in a
 * hook.
 */
#include "unwind_fde.h"

#include "unwind_dwarf.h"

enum { HDR_VERSION = 1, EXTENDED_LENGTH = 0xffffffff };

/* What a CIE says besides the common columns. */
struct cie {
    uint8_t pointer_encoding;
    bool has_augmentation_data;
};

static struct vz_cursor cursor_at(const struct vz_module *module, uint64_t address)
{
    const bool inside = address >= module->start && address < module->end;
    const uint8_t *end = (const uint8_t *)module->end;
    return (struct vz_cursor){inside ? (const uint8_t *)(uintptr_t)address : end, end, !inside};
}

static size_t encoded_bytes(uint8_t encoding)
{
    switch (encoding & VZ_PE_FORMAT) {
    case VZ_PE_UDATA2:
    case VZ_PE_SDATA2:
        return 2;
    case VZ_PE_UDATA4:
    case VZ_PE_SDATA4:
        return 4;
    case VZ_PE_ABSOLUTE:
        return sizeof(uintptr_t);
    case VZ_PE_UDATA8:
    case VZ_PE_SDATA8:
        return 8;
    default:
        return 0;
    }
}

/* The address of the last FDE whose function starts at or before pc, or 0. */
static uint64_t search_table(const struct vz_module *module, uintptr_t pc)
{
    const uint8_t *hdr = module->unwind_table;
    const uint64_t data = (uint64_t)(uintptr_t)hdr;
    struct vz_cursor cursor = {hdr, hdr + module->unwind_table_bytes, false};
    const uint8_t version = vz_cursor_byte(&cursor);
    const uint8_t eh_frame_encoding = vz_cursor_byte(&cursor);
    const uint8_t count_encoding = vz_cursor_byte(&cursor);
    const uint8_t table_encoding = vz_cursor_byte(&cursor);
    const size_t half = encoded_bytes(table_encoding);
    if (version != HDR_VERSION || count_encoding == VZ_PE_OMIT || table_encoding == VZ_PE_OMIT || half == 0)
        return 0;
    if (eh_frame_encoding != VZ_PE_OMIT)
        vz_cursor_pointer(&cursor, eh_frame_encoding, data);
    const uint64_t count = vz_cursor_pointer(&cursor, count_encoding, data);
    if (cursor.bad || count == 0 || count > (size_t)(cursor.end - cursor.at) / (2 * half))
        return 0;
    uint64_t low = 0, high = count; /* the entry is in [low, high) if there is one */
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        struct vz_cursor entry = {cursor.at + middle * 2 * half, cursor.end, false};
        if (vz_cursor_pointer(&entry, table_encoding, data) <= pc)
            low = middle;
        else
            high = middle;
    }
    struct vz_cursor entry = {cursor.at + low * 2 * half, cursor.end, false};
    const uint64_t start = vz_cursor_pointer(&entry, table_encoding, data);
    const uint64_t fde = vz_cursor_pointer(&entry, table_encoding, data);
    return entry.bad || start > pc ? 0 : fde;
}

/* Step over an entry's length; the cursor then ends where the entry does. */
static void enter_entry(struct vz_cursor *cursor)
{
    uint64_t bytes = vz_cursor_unsigned(cursor, 4);
    if (bytes == EXTENDED_LENGTH)
        bytes = vz_cursor_unsigned(cursor, 8);
    if (bytes == 0 || bytes > (size_t)(cursor->end - cursor->at))
        cursor->bad = true;
    else
        cursor->end = cursor->at + bytes;
}

static void read_augmentation(struct vz_cursor *cursor, const char *letters, struct cie *cie, struct vz_fde *fde)
{
    for (; *letters; letters++) {
        if (*letters == 'R')
            cie->pointer_encoding = vz_cursor_byte(cursor);
        else if (*letters == 'P')
            vz_cursor_pointer(cursor, vz_cursor_byte(cursor) & (uint8_t)~VZ_PE_INDIRECT, 0);
        else if (*letters == 'L')
            vz_cursor_byte(cursor);
        else if (*letters == 'S')
            fde->signal_frame = true;
        else
            return; /* the letters that follow are beyond us; the length of their data is known */
    }
}

static bool read_cie(struct vz_cursor cursor, struct cie *cie, struct vz_fde *fde)
{
    enter_entry(&cursor);
    const uint64_t id = vz_cursor_unsigned(&cursor, 4);
    const uint8_t version = vz_cursor_byte(&cursor);
    const char *augmentation = (const char *)cursor.at;
    while (vz_cursor_byte(&cursor))
        ;
    if (cursor.bad || id != 0 || (version != 1 && version != 3 && version != 4))
        return false;
    if (version == 4)
        vz_cursor_skip(&cursor, 2); /* address size, segment selector size */
    fde->code_align = (uintptr_t)vz_cursor_uleb(&cursor);
    fde->data_align = vz_cursor_sleb(&cursor);
    fde->return_column = version == 1 ? vz_cursor_byte(&cursor) : vz_cursor_uleb(&cursor);
    if (augmentation[0] == 'z') {
        const uint64_t bytes = vz_cursor_uleb(&cursor);
        struct vz_cursor data = cursor;
        vz_cursor_skip(&cursor, bytes);
        cie->has_augmentation_data = true;
        read_augmentation(&data, augmentation + 1, cie, fde);
    } else if (augmentation[0]) {
        return false; /* without 'z' what follows can't be stepped over */
    }
    fde->initial = cursor.at;
    fde->initial_end = cursor.end;
    return !cursor.bad;
}

static bool read_fde(const struct vz_module *module, struct vz_cursor cursor, struct vz_fde *fde)
{
    enter_entry(&cursor);
    const uint64_t place = (uint64_t)(uintptr_t)cursor.at;
    const uint64_t distance = vz_cursor_unsigned(&cursor, 4);
    struct cie cie = {.pointer_encoding = VZ_PE_ABSOLUTE};
    if (cursor.bad || distance == 0 || !read_cie(cursor_at(module, place - distance), &cie, fde))
        return false;
    fde->start = vz_cursor_pointer(&cursor, cie.pointer_encoding, 0);
    fde->end = fde->start + vz_cursor_pointer(&cursor, cie.pointer_encoding & VZ_PE_FORMAT, 0);
    if (cie.has_augmentation_data)
        vz_cursor_skip(&cursor, vz_cursor_uleb(&cursor));
    fde->program = cursor.at;
    fde->program_end = cursor.end;
    return !cursor.bad;
}

bool vz_fde_find(const struct vz_module *module, uintptr_t pc, struct vz_fde *fde)
{
    if (!module->unwind_table)
        return false;
    const uint64_t address = search_table(module, pc);
    *fde = (struct vz_fde){0};
    return address && read_fde(module, cursor_at(module, address), fde) && pc >= fde->start && pc < fde->end;
}
