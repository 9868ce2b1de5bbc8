package dev.rebootless.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Runs the command in a process of its own, as a user does. */
final class Cli {
    /** A kit that has to be made first takes minutes. */
    private static final long DEADLINE_SECONDS = 900;

    private static final JsonMapper MAPPER =
            JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private final Path folder;
    private final Map<String, String> environment = new LinkedHashMap<>();
    private List<String> wrapper = List.of();

    /**
     * @param folder where the command runs, and keeps its files for a time
     */
    Cli(Path folder) {
        this.folder = folder;
    }

    Cli with(String variable, String value) {
        environment.put(variable, value);
        return this;
    }

    /** Runs the command by way of another, such as one that hides a program from it. */
    Cli under(List<String> command) {
        wrapper = List.copyOf(command);
        return this;
    }

    /** What a command left. */
    record Result(int status, String out, String err) {
        /** The one JSON document on standard output, checked against its schema. */
        JsonNode json(String schema) {
            assertThat(schemaErrors(schema, out)).as("%s\n%s", out, err).isEmpty();
            return MAPPER.readTree(out);
        }
    }

    Result run(String... arguments) throws IOException, InterruptedException {
        Process process = start(arguments);
        if (!process.waitFor(DEADLINE_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("did not end: " + List.of(arguments));
        }
        return new Result(
                process.exitValue(), Files.readString(stdout()), Files.readString(stderr()));
    }

    /** Starts a command whose streams go to {@link #stdout} and {@link #stderr}. */
    Process start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(wrapper);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx1g"));
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-Djava.io.tmpdir=" + Files.createDirectories(temporary()));
        command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        command.add(Main.class.getName());
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.directory(folder.toFile());
        builder.environment().putAll(environment);
        builder.redirectInput(Path.of("/dev/null").toFile());
        builder.redirectOutput(stdout().toFile());
        builder.redirectError(stderr().toFile());
        return builder.start();
    }

    Path stdout() {
        return folder.resolve("stdout.txt");
    }

    Path stderr() {
        return folder.resolve("stderr.txt");
    }

    /** The folder for temporary files, made by the first command. */
    Path temporary() {
        return folder.resolve("tmp");
    }

    static List<String> schemaErrors(String schema, String json) {
        try {
            String text =
                    Files.readString(
                            root().resolve("docs/schema").resolve(schema + ".schema.json"));
            return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                    .getSchema(text, InputFormat.JSON)
                    .validate(json, InputFormat.JSON)
                    .stream()
                    .map(Object::toString)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The root of the checkout. */
    static Path root() {
        return Path.of(System.getProperty("rebootless.root", ".."));
    }

    /** Compiles a C file as the kernel's units are compiled, as far as the differ cares. */
    static Path compile(Path folder, String name, String source) throws Exception {
        Path c = folder.resolve("unit.c");
        Path object = folder.resolve(name);
        Files.write(c, source.getBytes(StandardCharsets.UTF_8));
        Process gcc =
                new ProcessBuilder(
                                "gcc-12",
                                "-O2",
                                "-ffunction-sections",
                                "-fdata-sections",
                                "-c",
                                "-o",
                                object.toString(),
                                c.toString())
                        .inheritIO()
                        .start();
        assertThat(gcc.waitFor()).isZero();
        return object;
    }
}
