/* An image for tests of the recorder's parts: a private region and the module list, without collector or hooks. */
#ifndef TEST_IMAGE_H
#define TEST_IMAGE_H

/* Must come first in main. Exits with a message if it can't be had. */
void image_start(void);

#endif
