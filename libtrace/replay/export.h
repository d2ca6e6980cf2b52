/* What libvizread.so exports: definitions with VZ_EXPORT, named in exports.map too. */
#ifndef VZ_EXPORT_H
#define VZ_EXPORT_H

#define VZ_EXPORT __attribute__((visibility("default")))

#endif
