/* The launcher's reading of ELF files: any bytes may be a program, or a library with a config section. */
#include "fuzz.h"
#include "launcher/elf_file.h"
#include "record/config.h"

/* Facts are strings within the file, each with its end. */
static void check_text(const char *text, const uint8_t *data, size_t bytes)
{
    const char *first = (const char *)data, *end = first + bytes;
    if (text && *text) /* "" need not lie in the file */
        FUZZ_CHECK(text >= first && text < end && memchr(text, 0, (size_t)(end - text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const struct vz_elf_facts facts = vz_elf_examine(data, bytes);
    check_text(facts.interpreter, data, bytes);
    check_text(facts.sanitizer, data, bytes);
    size_t section_bytes = 0;
    const size_t offset = vz_elf_find_section(data, bytes, VZ_CONFIG_SECTION, &section_bytes);
    FUZZ_CHECK(offset <= bytes && section_bytes <= bytes - offset);
    return 0;
}
