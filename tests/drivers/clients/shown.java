import cachesd.Cachesd;
import java.time.Duration;

/** Shows a client that has a token, as logs and errors do. */
public final class shown {
    public static void main(String[] arguments) {
        var options = new Cachesd.Options(null, "web", "secret", Duration.ofSeconds(5));
        try (var client = new Cachesd(options)) {
            client.call("ping");
            System.out.println(options + " " + client);
        }
    }
}
