/* The built libvizzy.so, carried inside vizzytrace. VZ_LIBRARY_FILE: its path, from the build. */
    .section .rodata
    .balign 16
    .global vz_library_start
    .hidden vz_library_start
vz_library_start:
    .incbin VZ_LIBRARY_FILE
    .global vz_library_end
    .hidden vz_library_end
vz_library_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
