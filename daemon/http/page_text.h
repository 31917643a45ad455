// Page text: page.html as it stood when the daemon was built (embed.cmake).
#pragma once

#include <stddef.h>

extern const char page_text[];
extern const size_t page_text_len;
