// caches: the command-line client of cachesd.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/aim.h"
#include "client/commands.h"
#include "client/complain.h"
#include "client/complete.h"
#include "client/connection.h"
#include "client/exit_code.h"
#include "client/form.h"
#include "client/form_kind.h"
#include "client/interrupt.h"
#include "client/job.h"
#include "client/options.h"
#include "client/terminal.h"
#include "protocol/bytes.h"

static struct form form_of(const struct options *o) {
    bool is_terminal = isatty(STDOUT_FILENO);
    return (struct form){
        .kind = o->has_kind   ? o->kind
                : is_terminal ? FORM_TEXT
                              : FORM_RAW,
        .has_no_line_end = o->has_no_line_end,
        .is_quiet = o->is_quiet,
        .is_terminal = is_terminal,
        .has_colour = terminal_has_colour(STDOUT_FILENO, !o->is_colour_off),
    };
}

static enum exit_code run(const struct options *o) {
    struct aim aim;
    struct bytes error = {0};
    struct form form = form_of(o);
    enum exit_code code;
    if (!commands_need_daemon(o->words, o->word_count, &code))
        return code;
    code = aim_open(&aim, o, &error);
    if (code == EXIT_ANSWERED)
        code = commands_run(&(struct job){o, &form, aim.connection, o->words, o->word_count});
    else
        complain("%.*s", (int)error.len, error.data);
    if (aim.connection && connection_speaks_redis(aim.connection))
        complain("%s speaks the protocol of Redis; a listener of cachesd's own is wanted",
                 connection_address(aim.connection));
    aim_close(&aim);
    bytes_deinit(&error);
    return code;
}

// A socket that took the place of a closed standard stream would be sent what is printed: a stored
// value would become a request. Such a stream is opened so that reading and writing fail.
static void keep_streams_apart(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(EXIT_USAGE);
}

int main(int argc, char **argv) {
    struct options options;
    int code = EXIT_ANSWERED;
    keep_streams_apart();
    signal(SIGPIPE, SIG_DFL);
    if (argc > 1 && strcmp(argv[1], "__complete") == 0)
        complete_run(argc - 2, argv + 2);
    else if (options_read(&options, argc, argv, &code))
        code = (int)run(&options);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_ANSWERED) {
        complain("standard output: %s", errno ? strerror(errno) : "not all could be written");
        code = EXIT_PERHAPS; // the reply is lost, and what it says was done
    }
    if (code != EXIT_PERHAPS)
        interrupt_end();
    return code;
}
