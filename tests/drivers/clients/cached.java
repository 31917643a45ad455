// Drives ../../../clients/java: a command a line, `call|forget|refresh WORD`, and a result a line.

import cachesd.Cachesd;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

class cached {
    static final Path FOLDER = Path.of(System.getenv("FOLDER"));

    record Result(String word, long count) {
        String json() {
            return "{\"word\": \"" + word + "\", \"count\": " + count + "}";
        }

        // Refuses what a full reader of JSON would.
        static Result of(byte[] bytes) {
            String text = new String(bytes, StandardCharsets.UTF_8);
            var parts = java.util.regex.Pattern.compile("\\{\"word\": \"(.*)\", \"count\": (\\d+)\\}|(\\d+)").matcher(text);
            if (!parts.matches()) {
                throw new IllegalArgumentException("no JSON: " + text);
            }
            return parts.group(3) != null
                ? new Result(null, Long.parseLong(parts.group(3)))
                : new Result(parts.group(1), Long.parseLong(parts.group(2)));
        }
    }

    static Result compute(String word) throws Exception {
        Path computed = FOLDER.resolve("computed");
        Files.writeString(computed, word + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        while (word.startsWith("gate") && !Files.exists(FOLDER.resolve("gate"))) {
            Thread.sleep(5);
        }
        if (word.startsWith("throw")) {
            throw new IllegalStateException(word);
        }
        return word.startsWith("null") ? null : new Result(word, Files.readAllLines(computed).stream().filter(word::equals).count());
    }

    public static void main(String[] arguments) throws Exception {
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String ttl = System.getenv("TTL");
        try (var client = new Cachesd(new Cachesd.Options().withTimeout(Duration.ofSeconds(10)))) {
            for (String line; (line = lines.readLine()) != null; ) {
                String[] parts = line.split(" ");
                String word = parts[1];
                var memo = new Cachesd.Memo(System.getenv("NAMESPACE"), "f:" + word)
                    .withPatience(Duration.ofMillis(Long.parseLong(System.getenv("WAIT_MS"))))
                    .withTtl(ttl == null ? null : Duration.parse("PT" + ttl));
                boolean isForgotten = !parts[0].equals("call") && client.forget(memo);
                if (parts[0].equals("forget")) {
                    out.println(isForgotten);
                    continue;
                }
                try {
                    Result result = client.cached(memo, () -> compute(word), it -> it.json().getBytes(StandardCharsets.UTF_8), Result::of);
                    out.println(result == null ? "null" : result.word == null ? "" + result.count : result.json());
                } catch (IllegalStateException error) {
                    out.println("threw " + error.getMessage());
                }
            }
        }
    }
}
