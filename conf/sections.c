#include "conf/sections.h"

bool section_is_name(struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i], lower = (char)(c | 0x20);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '.' &&
            c != '-')
            return false;
    }
    return name.len >= 1 && name.len <= 64;
}
