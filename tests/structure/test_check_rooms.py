#!/usr/bin/env python3
"""check_rooms.py, on small houses made up: each complaint is seen once, and what is right is let be."""

import pathlib
import tempfile
import unittest

import check_rooms

ROOMS = "room bottom: protocol/\nroom top: daemon/\n"


class TestCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write_document()
        self.write("protocol/first.h", "")
        self.write("daemon/first.h", "")

    def write_document(self, drawing="protocol/  low\ndaemon/  high\n", text="", rooms=""):
        self.write("ARCHITECTURE.md", f"# A house\n\n```\n{drawing}```\n\n{text}\n\n```rooms\n{ROOMS}{rooms}```\n")

    def write(self, path, text):
        (self.root / path).parent.mkdir(exist_ok=True)
        (self.root / path).write_text(text)

    def write_pair(self, module, declared, defined, includes=""):
        self.write(f"{module}.h", "#pragma once\n" + declared)
        self.write(f"{module}.c", f'#include "{module}.h"\n' + includes + defined)

    def complaints(self, *kinds):
        house = check_rooms.read_house(self.root)
        return [str(complaint) for complaint in check_rooms.check(house, kinds or check_rooms.KINDS)]

    def expect(self, kind, *expected):
        """That there is one complaint of this kind, and no other complaint."""
        found = self.complaints()
        self.assertEqual(found, self.complaints(kind))
        self.assertEqual(len(found), 1, found)
        for text in expected:
            self.assertIn(text, found[0])


class Clean(TestCase):
    def test_a_house_that_keeps_to_its_rooms_is_let_be(self):
        self.write_pair("protocol/low", "enum { LOW = 1 };\nint low(void);\n", "int low(void) { return LOW; }\n")
        self.write_pair("daemon/high", "int high(void);\n", "int high(void) {\n    return low();\n}\n",
                        '#include "protocol/low.h"\n')
        self.assertEqual(self.complaints(), [])

    def test_an_include_is_found_by_its_bare_name_too(self):
        self.write_pair("protocol/low", "int low(void);\n", "int low(void) { return 1; }\n")
        self.write("daemon/high.c", '#include "low.h"\nstatic int high(void) { return low(); }\n')
        self.assertEqual(self.complaints(), [])

    def test_words_in_comments_texts_and_members_are_no_uses(self):
        self.write_pair("protocol/low", "int low(void);\n", "int low(void) { return 1; }\n")
        self.write("daemon/high.c", "// low() /* */\n/* low() */ static const char *a = \"low()\\\" // low\";\n"
                   "struct high { char b; };\nstatic int of(struct high *h) { return h->low + h->b.low + '\"'; }\n")
        self.assertEqual(self.complaints(), [])


class Up(TestCase):
    def test_an_include_of_a_room_below_in_the_list(self):
        self.write("daemon/high.h", "struct high { int n; };\n")
        self.write("protocol/low.c", '#include "daemon/high.h"\nstatic struct high h;\n')
        self.expect("up", "protocol/low.c: bottom may not use top", '#include "daemon/high.h"')

    def test_a_call_whose_declaration_stands_in_the_own_room(self):
        """A header promises what only a room below in the list holds."""
        self.write("protocol/low.h", "int high(void);\n")
        self.write("protocol/low.c", '#include "protocol/low.h"\nint low(void) { return high(); }\n')
        self.write("daemon/high.c", "int high(void) { return 1; }\n")
        self.expect("up", "protocol/low.c: bottom may not use top", "high()")


class Circle(TestCase):
    def test_two_files_that_call_each_other(self):
        self.write_pair("protocol/a", "int a(void);\n", "int a(void) { return b(); }\n", '#include "protocol/b.h"\n')
        self.write_pair("protocol/b", "int b(void);\n", "int b(void) { return a(); }\n", '#include "protocol/a.h"\n')
        self.expect("circle", "2 files need each other: protocol/a, protocol/b; so protocol/a needs protocol/b (b())")

    def test_a_call_one_way_and_a_struct_the_other_way(self):
        self.write_pair("protocol/a", "struct a { int n; };\nint a(void);\n", "int a(void) { return b(); }\n",
                        '#include "protocol/b.h"\n')
        self.write_pair("protocol/b", '#include "protocol/a.h"\nstruct b { struct a a; };\nint b(void);\n',
                        "int b(void) { return 1; }\n")
        self.expect("circle", "protocol/a needs protocol/b", "protocol/b needs protocol/a")

    def test_three_files_in_a_ring_are_told_in_order(self):
        for name, other in ("ab", "bc", "ca"):
            self.write_pair(f"protocol/{name}", f"int {name}(void);\n", f"int {name}(void) {{ return {other}(); }}\n",
                            f'#include "protocol/{other}.h"\n')
        self.expect("circle", "a needs protocol/b (b()); protocol/b needs protocol/c (c()); protocol/c needs protocol/a")

    def test_a_function_that_is_called_back_is_no_need(self):
        self.write_pair("protocol/a", "typedef void call_me(void);\nvoid a(call_me *f);\n", "void a(call_me *f) { f(); }\n")
        self.write_pair("protocol/b", "void b(void);\n", "static void on(void) {}\nvoid b(void) { a(on); }\n",
                        '#include "protocol/a.h"\n')
        self.assertEqual(self.complaints(), [])


class Include(TestCase):
    def use(self, use, includes=""):
        self.write("protocol/low.h", "#define LOW_MACRO 1\nenum low_kind { LOW_ONE, LOW_TWO = 4 };\nint low(void);\n"
                   "struct low { int n; };\ntypedef int low_type;\nstatic inline int low_inline(void) { return 1; }\n"
                   "#define LOW_CODES(X) X(OK, ok) X(BAD, bad)\nenum low_code {\n#define X(name, text) LOW_##name,\n"
                   "    LOW_CODES(X)\n#undef X\n};\n")
        self.write("protocol/other.h", '#include "protocol/low.h"\nstruct other { struct low low; };\n')
        self.write("daemon/high.c", includes + f"static int high(void) {{\n    return {use};\n}}\n")

    def test_each_kind_of_name(self):
        for use in ("low()", "LOW_MACRO", "LOW_ONE", "LOW_TWO", "LOW_BAD", "low_inline()", "(low_type)1"):
            with self.subTest(use=use):
                self.use(use)
                name = use.strip("()").replace("low_type)1", "low_type")
                self.expect("include", f'{name} is used without #include "protocol/low.h"', "daemon/high.c:2")
        self.use("sizeof(struct low)")
        self.expect("include", 'struct low is used without #include "protocol/low.h"')

    def test_another_header_that_has_the_include_is_not_enough(self):
        self.use("low()", '#include "protocol/other.h"\n')
        self.expect("include", 'low is used without #include "protocol/low.h"')

    def test_the_own_header_is_enough(self):
        self.use("low()", '#include "daemon/high.h"\n')
        self.write("daemon/high.h", '#include "protocol/low.h"\nlow_type high_of(void);\n')
        self.assertEqual(self.complaints(), [])

    def test_a_struct_that_is_announced_needs_no_header(self):
        self.use("0")
        self.write("daemon/more.h", "struct low;\nvoid more(struct low *low);\n")
        self.write("daemon/high.c", '#include "daemon/more.h"\nvoid f(struct low *low) { more(low); }\n')
        self.write("daemon/more.c", '#include "daemon/more.h"\nvoid more(struct low *low) {}\n')
        self.assertEqual(self.complaints(), [])


class Long(TestCase):
    def test_a_function_of_more_than_40_lines(self):
        body = "    n++;\n"
        self.write("protocol/a.c", "static int a(int n) {\n" + body * 38 + "}\n")
        self.assertEqual(self.complaints(), [])
        self.write("protocol/a.c", "static int a(int n) {\n" + body * 39 + "}\n")
        self.expect("long", "protocol/a.c:1: a() has 41 lines, more than 40")

    def test_a_file_of_more_than_500_lines_but_with_a_reason(self):
        self.write("protocol/a.c", "\n" * 501)
        self.expect("long", "protocol/a.c: 501 lines, more than 500")
        self.write_document(rooms="long protocol/a.c: a table\n")
        self.assertEqual(self.complaints(), [])


class RoomList(TestCase):
    def test_a_file_without_a_room(self):
        self.write("conf/a.c", "")
        self.write_document("protocol/\ndaemon/\nconf/\n")
        self.expect("room", "conf/a.c: no room has this file")

    def test_an_include_of_no_file(self):
        self.write("daemon/a.c", '#include "daemon/absent.h"\n')
        self.expect("room", 'daemon/a.c: #include "daemon/absent.h": there is no such file')

    def test_what_the_list_names_and_nobody_has(self):
        for line, text in (("room more: conf/", "there is nothing in conf/"),
                           ("room more: daemon/none", "there is no daemon/none.c or daemon/none.h"),
                           ("long daemon/none.c: why", "there is no daemon/none.c, which may be long")):
            with self.subTest(line=line):
                self.write_document(rooms=line + "\n")
                self.expect("room", "ARCHITECTURE.md: ", text)

    def test_a_module_that_is_named_goes_before_its_folder(self):
        text = "room first: protocol/a\nroom bottom: protocol/\n    conf/\nroom top: daemon/ daemon/part/\n"
        rooms = check_rooms.Rooms("```rooms\n" + text + "```\n")
        found = [rooms.room_of(module) for module in ("protocol/a", "protocol/ab", "conf/x", "daemon/part/x", "other/x")]
        self.assertEqual(found, ["first", "bottom", "bottom", "top", None])

    def test_a_list_that_cannot_be_read(self):
        for text in ("", "```rooms\nkitchen: daemon/\n```\n", "```rooms\nroom a: x/\nroom b: x/\n```\n"):
            with self.assertRaises(ValueError):
                check_rooms.Rooms(text)


class Document(TestCase):
    def test_a_folder_that_the_drawing_lacks(self):
        self.write("daemon/part/a.h", "")
        self.expect("document", "ARCHITECTURE.md: the drawing lacks daemon/part/")

    def test_a_folder_that_is_drawn_and_not_there(self):
        self.write_document("protocol/\ndaemon/\ndaemon/part/  a part\ndaemon/first.h  a file\n")
        self.expect("document", "the drawing has daemon/part/, and there are no sources in it")

    def test_names_of_nothing(self):
        for text, problem in (("`none()`", "there is no function none()"), ("`low.c`", "there is no file low.c"),
                              ("see `daemon/none.c`.", "there is no daemon/none.c")):
            with self.subTest(text=text):
                self.write_document(text=text)
                self.expect("document", "ARCHITECTURE.md: " + problem)

    def test_names_of_what_is_there(self):
        self.write("protocol/low.c", "int low(void) { return 1; }\n")
        self.write_document(text="`low()` in `low.c`, `protocol/low.c` or `protocol/`; `any other words`, and none()")
        self.assertEqual(self.complaints(), [])


if __name__ == "__main__":
    unittest.main()
