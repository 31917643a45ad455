// Drives ../../../clients/java: see talk.md.

import cachesd.Cachesd;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Collectors;

class talk {
    static Cachesd client = new Cachesd();

    static String shown(Cachesd.Reply reply) {
        if (reply.isNil()) {
            return "nil";
        }
        if (reply.items() != null) {
            return reply.items().stream().map(talk::shown).collect(Collectors.joining(" ", "[", "]"));
        }
        return reply.number() != null ? ":" + reply.number() : "$" + HexFormat.of().formatHex(reply.bytes());
    }

    static String answer(String verb, Object[] words) {
        try {
            if (verb.equals("call")) {
                return shown(client.call(words));
            }
            String[] texts = Arrays.stream(words).map(word -> new String((byte[]) word)).toArray(String[]::new);
            texts = Arrays.stream(texts).map(text -> text.isEmpty() ? null : text).toArray(String[]::new);
            client.close();
            client = new Cachesd(new Cachesd.Options(texts[0], texts[2], texts[3], Duration.ofMillis(Long.parseLong(texts[1]))));
            return "opened";
        } catch (Cachesd.Failure error) {
            return "-" + error.getMessage() + (error.isPerhapsApplied() ? " (perhaps)" : " (no)");
        } catch (IllegalArgumentException error) {
            return "-WRONG " + error.getMessage();
        }
    }

    public static void main(String[] arguments) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] parts = line.split(" ");
            Object[] words = Arrays.stream(parts).skip(1).map(word -> HexFormat.of().parseHex(word.equals(".") ? "" : word)).toArray();
            System.out.println(answer(parts[0], words));
        }
    }
}
