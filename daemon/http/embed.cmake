# Writes a file's bytes as a C array:  cmake -DFROM=page.html -DTO=page_text.c -P embed.cmake
file(READ ${FROM} hex HEX)
string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
get_filename_component(name ${TO} NAME_WE)
file(WRITE ${TO} "#include \"daemon/http/${name}.h\"\n\nconst char ${name}[] = {\n${bytes}\n};\nconst size_t ${name}_len = sizeof(${name});\n")
