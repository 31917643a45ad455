# Writes wrapper.lua as a C array, in one line and without comments, so that the lines of the script
# behind it keep their numbers:  cmake -DFROM=wrapper.lua -DTO=wrapper_text.c -P embed_wrapper.cmake
file(READ ${FROM} text)
string(REGEX REPLACE "--[^\n]*" "" text "${text}")
string(REGEX REPLACE "[ \n]*\n[ \n]*" " " text "${text}")
string(STRIP "${text}" text)
string(HEX "${text}" hex)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${TO} "#include \"protocol/redis/wrapper.h\"\n\nconst char wrapper_text[] = {\n${bytes}\n};\nconst size_t wrapper_text_len = sizeof(wrapper_text);\n")
