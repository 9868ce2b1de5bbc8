import dev.rebootless.fleet.store.DatabaseAddress;
import dev.rebootless.fleet.store.EmbeddedDatabase;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import java.util.zip.Deflater;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * Load on a server: reports over TLS, each signed, from as many hosts as asked for. Hosts are put
 * into the database directly, for a million enrolments take hours and are done once; their keys are
 * derived from the master secret as the server does it. Run by script/bench.
 */
public final class BenchFleet {
    private static final int CVES = 2_000;
    private static final int CLASSES = 600;
    private static final int CONNECTIONS = 32;

    /** One report in so many changes what is counted: a livepatch came into force, or a reboot is due. */
    private static final int CLASS_CHANGES_EVERY = 10;

    private final Path data;
    private final int port;
    private final int seconds;
    private final Connection database;
    private final List<UUID> hosts = new ArrayList<>();
    private final long[] sequences;
    private final String[] lastFacts;
    private final byte[] master;
    private final String keyName;
    private final SSLContext tls;
    private final ProcessHandle server;

    private BenchFleet(Path data, int port, int count, int seconds, long serverPid) throws Exception {
        this.data = data;
        this.port = port;
        this.seconds = seconds;
        DatabaseAddress address = EmbeddedDatabase.running(data.resolve("postgres")).orElseThrow();
        this.database =
                DriverManager.getConnection(address.url(), address.user(), address.password());
        this.sequences = new long[count];
        this.lastFacts = new String[count];
        try (Statement statement = database.createStatement();
                ResultSet row = statement.executeQuery("SELECT generation, master FROM secret")) {
            row.next();
            keyName = row.getInt(1) + "." + Instant.now().plus(Duration.ofHours(20)).getEpochSecond();
            master = row.getBytes(2);
        }
        this.tls = SSLContext.getInstance("TLS");
        tls.init(null, new TrustManager[] {new Anyone()}, null);
        this.server = ProcessHandle.of(serverPid).orElseThrow();
    }

    /** It is this machine's own server. */
    private static final class Anyone implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    public static void main(String[] args) throws Exception {
        BenchFleet bench =
                new BenchFleet(
                        Path.of(args[0]),
                        Integer.parseInt(args[1]),
                        Integer.parseInt(args[2]),
                        Integer.parseInt(args[3]),
                        Long.parseLong(args[4]));
        System.out.printf(
                Locale.ROOT,
                "%,d hosts, %d processors, load average %s%n",
                bench.sequences.length,
                Runtime.getRuntime().availableProcessors(),
                Files.readString(Path.of("/proc/loadavg")).split(" ")[0]);
        bench.fill();
        bench.run("changing facts", bench::changing, CONNECTIONS, 0, true);
        bench.run("unchanged facts", bench::unchanged, CONNECTIONS, 0, true);
        bench.run("unchanged, a connection for each", bench::unchanged, CONNECTIONS, 0, false);
        bench.reads(bench.administrator(args[5]));
        bench.sizes();
    }

    // ---- the database ----

    private void fill() throws Exception {
        long start = System.nanoTime();
        database.setAutoCommit(false);
        int count = sequences.length;
        try (Statement statement = database.createStatement()) {
            statement.execute(
                    "INSERT INTO cve_name (id) SELECT 'CVE-2026-' || (10000 + n) FROM generate_series(1, "
                            + CVES
                            + ") n ON CONFLICT DO NOTHING");
            statement.execute(
                    """
                    INSERT INTO cve_set (digest, closed, closed_unreviewed, partly, pending, refused, unknown)
                    SELECT sha256(('set ' || n)::bytea),
                        ARRAY(SELECT number FROM cve_name WHERE number %% 100 < n ORDER BY number),
                        '{}', '{}', '{}', '{}', '{}' FROM generate_series(1, 20) n
                    """
                            .formatted());
            statement.execute(
                    """
                    INSERT INTO system_class (digest, ring, tag, os, agent, release, build_id,
                        package_version, secure_boot, lockdown, reboot_required, in_force,
                        in_transition, foreign_ones, cve_set)
                    SELECT sha256(('class ' || n)::bytea), (ARRAY['canary','early','all'])[1 + n %% 3], 'tag' || n %% 7,
                        'Debian GNU/Linux ' || 11 + n %% 3, '0.1.0', '6.1.0-' || 10 + n %% 40 || '-amd64',
                        encode(sha256(('build ' || n %% 40)::bytea), 'hex'), '6.1.' || 100 + n %% 40 || '-1',
                        n %% 2 = 0, 'none', n %% 5 = 0, ARRAY['livepatch_' || n %% 20], '{}', '{}',
                        (SELECT min(id) FROM cve_set) + n %% 20
                    FROM generate_series(1, %d) n
                    """
                            .formatted(CLASSES));
            statement.execute(
                    """
                    INSERT INTO kernel_exposure SELECT encode(sha256(('build ' || n)::bytea), 'hex'), '6.1.0', '6.1', '6.1', now(),
                        ARRAY(SELECT number FROM cve_name WHERE number %% 40 >= n % 20 ORDER BY number), '{}', '{}'
                    FROM generate_series(0, 39) n
                    """.replace("%%", "%"));
            statement.execute(
                    """
                    CREATE TEMPORARY TABLE bench AS SELECT gen_random_uuid() AS id, n FROM generate_series(1, %d) n
                    """
                            .formatted(count));
            statement.execute(
                    """
                    INSERT INTO host SELECT id, sha256(id::text::bytea), sha256(id::text::bytea), now() FROM bench
                    """);
            statement.execute(
                    """
                    INSERT INTO host_state (host, class, sequence, seen, hostname, facts)
                    SELECT id, (SELECT min(id) FROM system_class WHERE in_force <> '{}') + n % 600, 0, now(),
                        'host' || lpad(n::text, 7, '0') || '.example.org', decode('HASH', 'hex') FROM bench
                    """
                            .replace("600", String.valueOf(CLASSES))
                            .replace("HASH", FIRST_FACTS));
            statement.execute(
                    """
                    UPDATE system_class c SET hosts = (SELECT count(*) FROM host_state s WHERE s.class = c.id)
                    FROM (SELECT 1) one
                    """);
            statement.execute(
                    "INSERT INTO presence SELECT extract(epoch FROM now())::bigint / 600, count(*) FROM host_state ON CONFLICT (bucket) DO UPDATE SET hosts = presence.hosts + excluded.hosts");
        }
        try (PreparedStatement insert =
                database.prepareStatement(
                        "INSERT INTO host_facts SELECT id, now(), ? FROM bench")) {
            insert.setBytes(1, deflate(facts(0, new Random(1), 0)));
            insert.execute();
        }
        database.commit();
        database.setAutoCommit(true);
        try (Statement statement = database.createStatement()) {
            statement.execute("VACUUM ANALYZE");
            statement.execute("CHECKPOINT");
            try (ResultSet rows = statement.executeQuery("SELECT id FROM bench")) {
                while (rows.next()) {
                    hosts.add(rows.getObject(1, UUID.class));
                }
            }
        }
        System.out.printf(
                Locale.ROOT,
                "filled in %.1f s; facts have %,d bytes, deflated %,d%n",
                (System.nanoTime() - start) / 1e9,
                facts(0, new Random(1), 0).length(),
                deflate(facts(0, new Random(1), 0)).length);
    }

    private static byte[] deflate(String text) {
        try (Deflater deflater = new Deflater(Deflater.BEST_SPEED)) {
            deflater.setInput(text.getBytes(StandardCharsets.UTF_8));
            deflater.finish();
            byte[] out = new byte[text.length() + 100];
            return Arrays.copyOf(out, deflater.deflate(out));
        }
    }

    private void sizes() throws Exception {
        try (Statement statement = database.createStatement();
                ResultSet rows =
                        statement.executeQuery(
                                """
                                SELECT c.relname, pg_size_pretty(pg_total_relation_size(c.oid)),
                                    n_tup_upd, n_tup_hot_upd, n_dead_tup
                                FROM pg_class c JOIN pg_stat_user_tables t ON t.relid = c.oid
                                WHERE c.relname IN ('host_state', 'host_facts', 'system_class', 'presence')
                                ORDER BY c.relname
                                """)) {
            while (rows.next()) {
                System.out.printf(
                        Locale.ROOT,
                        "  %-13s %9s, %,d updates, %,d of them HOT, %,d dead rows%n",
                        rows.getString(1),
                        rows.getString(2),
                        rows.getLong(3),
                        rows.getLong(4),
                        rows.getLong(5));
            }
        }
    }

    // ---- facts ----

    private static final String MODULES =
            String.join(
                    ",", IntStream.range(0, 90).mapToObj(i -> "\"module_" + i * 7919 + "\"").toList());

    private static final String FUNCTIONS =
            String.join(
                    ",",
                    IntStream.range(0, 40)
                            .mapToObj(i ->
                                    "{\"object\":\"vmlinux\",\"name\":\"function_%d\",\"sympos\":1,\"state\":\"patched\",\"livepatches\":[\"livepatch_1\"]}"
                                            .formatted(i * 104729))
                            .toList());

    private static String facts(int host, Random random, int livepatch) {
        StringBuilder upgradable = new StringBuilder();
        for (int i = 0; i < 15; i++) {
            upgradable
                    .append(i == 0 ? "" : ",")
                    .append("{\"package\":\"package-")
                    .append(i * 31)
                    .append("\",\"installed\":\"1.2-")
                    .append(i)
                    .append("\",\"candidate\":\"1.3-")
                    .append(random.nextInt(1_000_000))
                    .append("\",\"suite\":\"bookworm-security\"}");
        }
        String cves =
                String.join(
                        ",",
                        IntStream.range(0, 30)
                                .mapToObj(i ->
                                        "{\"id\":\"CVE-2026-%d\",\"state\":\"closed\",\"livepatch\":\"livepatch_%d\",\"why\":\"\"}"
                                                .formatted(10_001 + livepatch * 30 + i, livepatch))
                                .toList());
        int build = host % 40;
        return """
        {"schemaVersion":1,"facts":{"hostname":"host%07d.example.org","os":"Debian GNU/Linux %d",\
        "agent":"0.1.0","release":"6.1.0-%d-amd64","buildId":"%040x","packageVersion":"6.1.%d-1",\
        "bootId":"%s","bootTime":"2026-11-01T00:00:00Z","modules":[%s],"livepatches":[{"name":"livepatch_%d",\
        "enabled":true,"transition":false,"origin":"rebootless","replace":true,"cves":[],"objects":[]}],\
        "functions":[%s],"cves":[%s],"secureBoot":true,"lockdown":"none","taint":%d,"commandLine":"quiet",\
        "sysctls":{},"selinux":"disabled","apparmor":"enabled","kernelPackages":[],\
        "nextBoot":{"release":"6.1.0-%d-amd64","why":"default"},"upgradable":[%s],"rebootRequired":%s,\
        "rebootRequiredBy":[]}}"""
                .formatted(
                        host,
                        11 + host % 3,
                        10 + build,
                        build + 1,
                        100 + build,
                        new UUID(host, 7),
                        MODULES,
                        livepatch,
                        FUNCTIONS,
                        cves,
                        random.nextInt(1000),
                        10 + build,
                        upgradable,
                        livepatch % 2 == 0);
    }

    /** Of all hosts, when the database has just been filled. */
    private static final String FIRST_FACTS = sha256(facts(0, new Random(1), 0));

    // ---- load ----

    /** Makes the body of a host's next report. */
    private interface Body {
        String of(int host, Random random);
    }

    private String changing(int host, Random random) {
        int livepatch = random.nextInt(CLASS_CHANGES_EVERY) == 0 ? random.nextInt(20) : host % 20;
        String facts = facts(host, random, livepatch);
        lastFacts[host] = sha256(facts);
        return facts;
    }

    private String unchanged(int host, Random random) {
        String last = lastFacts[host] == null ? FIRST_FACTS : lastFacts[host];
        return "{\"schemaVersion\":1,\"unchanged\":\"" + last + "\"}";
    }

    private static String sha256(String text) {
        try {
            return HexFormat.of()
                    .formatHex(
                            MessageDigest.getInstance("SHA-256")
                                    .digest(text.getBytes(StandardCharsets.UTF_8)));
        } catch (java.security.GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** As many as can be, or at a rate; each connection has its own share of the hosts. */
    private void run(String what, Body body, int connections, int rate, boolean keep) throws Exception {
        Measure measure = new Measure();
        long end = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
        load(body, connections, rate, keep, end, measure);
        measure.print(what);
    }

    private void load(
            Body body, int connections, int rate, boolean keep, long end, Measure measure)
            throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < connections; i++) {
            int part = i;
            threads.add(
                    Thread.ofPlatform()
                            .start(() -> {
                                try {
                                    work(body, part, connections, rate, keep, end, measure);
                                } catch (Exception e) {
                                    measure.failures.add(e.toString());
                                }
                            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private void work(
            Body body, int part, int parts, int rate, boolean keep, long end, Measure measure)
            throws Exception {
        Random random = new Random(part);
        Line line = new Line();
        long[] nanos = new long[1 << 20];
        int n = 0;
        long begin = System.nanoTime();
        while (System.nanoTime() < end && n < nanos.length) {
            if (rate > 0) {
                long due = begin + n * 1_000_000_000L * parts / rate;
                if (due > System.nanoTime()) {
                    Thread.sleep(Duration.ofNanos(due - System.nanoTime()));
                }
            }
            int host = part + parts * random.nextInt(Math.max(1, (sequences.length - part) / parts));
            byte[] content = body.of(host, random).getBytes(StandardCharsets.UTF_8);
            byte[] request = request(host, content, keep);
            long start = System.nanoTime();
            int status = line.ask(request);
            nanos[n++] = System.nanoTime() - start;
            if (status != 200) {
                measure.failures.add("status " + status);
                if (status != 503) {
                    break;
                }
            }
            if (!keep) {
                line.close();
            }
        }
        line.close();
        measure.add(Arrays.copyOf(nanos, n));
    }

    private byte[] request(int host, byte[] body, boolean keep) throws Exception {
        String id = hosts.get(host).toString();
        long sequence = ++sequences[host];
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(master, "HmacSHA256"));
        byte[] key =
                mac.doFinal(
                        ("rebootless-host-key-1\n" + id + "\n" + keyName + "\n")
                                .getBytes(StandardCharsets.UTF_8));
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        String hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(body));
        byte[] signature =
                mac.doFinal(
                        ("rebootless-1\n/agent/v1/report\n" + id + "\n" + keyName + "\n" + sequence
                                        + "\n" + hash + "\n")
                                .getBytes(StandardCharsets.UTF_8));
        byte[] header =
                ("POST /agent/v1/report HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                + (keep ? "" : "Connection: close\r\n")
                                + "Content-Length: " + body.length
                                + "\r\nRebootless-Host: " + id
                                + "\r\nRebootless-Key: " + keyName
                                + "\r\nRebootless-Sequence: " + sequence
                                + "\r\nRebootless-Signature: " + HexFormat.of().formatHex(signature)
                                + "\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(header.length + body.length).put(header).put(body).array();
    }

    /** A connection that is opened when it is needed. */
    private final class Line {
        private Socket socket;
        private InputStream in;
        private byte[] body = new byte[0];

        int ask(byte[] request) throws IOException {
            if (socket == null) {
                socket = tls.getSocketFactory().createSocket("127.0.0.1", port);
                socket.setTcpNoDelay(true);
                in = new BufferedInputStream(socket.getInputStream(), 1 << 14);
            }
            OutputStream out = socket.getOutputStream();
            out.write(request);
            out.flush();
            int status = Integer.parseInt(line().substring(9, 12));
            int length = 0;
            for (String header = line(); !header.isEmpty(); header = line()) {
                if (header.regionMatches(true, 0, "Content-Length:", 0, 15)) {
                    length = Integer.parseInt(header.substring(15).strip());
                }
            }
            body = in.readNBytes(length);
            if (body.length < length) {
                throw new IOException("the answer is cut off");
            }
            return status;
        }

        private String line() throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            for (int c = in.read(); c != '\n'; c = in.read()) {
                if (c < 0) {
                    throw new IOException("the connection was closed");
                }
                if (c != '\r') {
                    line.write(c);
                }
            }
            return line.toString(StandardCharsets.US_ASCII);
        }

        void close() throws IOException {
            if (socket != null) {
                socket.close();
                socket = null;
            }
        }
    }

    // ---- reads ----

    /** By the first administrator's link. */
    private String administrator(String link) throws IOException {
        Line line = new Line();
        String secret = link.substring(link.indexOf('=') + 1);
        line.ask(
                post(
                        "/setup",
                        "{\"schemaVersion\":1,\"token\":\"%s\",\"name\":\"bench\",\"password\":\"%s\"}"
                                .formatted(secret, secret)));
        line.ask(
                post(
                        "/api/v1/sessions",
                        "{\"schemaVersion\":1,\"name\":\"bench\",\"password\":\"%s\"}"
                                .formatted(secret)));
        line.close();
        String answer = new String(line.body, StandardCharsets.UTF_8);
        return answer.replaceAll(".*\"token\":\"([^\"]*)\".*", "$1");
    }

    private static byte[] post(String path, String body) {
        return ("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + body.length()
                        + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.US_ASCII);
    }

    private void reads(String token) throws Exception {
        for (String path :
                List.of(
                        "/api/v1/overview",
                        "/api/v1/systems?ring=canary&limit=50",
                        "/api/v1/systems?release=6.1.0-17-amd64&limit=50",
                        "/api/v1/systems?cve=CVE-2026-10042&state=closed&limit=50",
                        "/api/v1/systems?cve=CVE-2026-10042&state=open&limit=50",
                        "/api/v1/systems?hostname=host0004&limit=50",
                        "/api/v1/systems?silent=true&limit=50",
                        "/api/v1/cves?sort=-open&limit=100",
                        "/api/v1/livepatches")) {
            read(token, path);
        }
    }

    /** One address at a time, while 500 reports come in each second, half of them with changed facts. */
    private void read(String token, String path) throws Exception {
        Measure reports = new Measure();
        Measure reads = new Measure();
        long end = System.nanoTime() + Duration.ofSeconds(Math.max(5, seconds / 6)).toNanos();
        Body body = (host, random) -> random.nextBoolean() ? changing(host, random) : unchanged(host, random);
        Thread load =
                Thread.ofPlatform()
                        .start(() -> {
                            try {
                                load(body, CONNECTIONS, 500, true, end, reports);
                            } catch (Exception e) {
                                reports.failures.add(e.toString());
                            }
                        });
        Line line = new Line();
        List<Long> nanos = new ArrayList<>();
        byte[] request =
                ("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token
                                + "\r\n\r\n")
                        .getBytes(StandardCharsets.US_ASCII);
        while (System.nanoTime() < end) {
            long start = System.nanoTime();
            int status = line.ask(request);
            nanos.add(System.nanoTime() - start);
            if (status != 200) {
                reads.failures.add("status " + status);
            }
            Thread.sleep(20);
        }
        line.close();
        load.join();
        reads.add(nanos.stream().mapToLong(Long::longValue).toArray());
        reads.print("GET " + path);
        reports.print("  while reports come");
    }

    // ---- what was measured ----

    private final class Measure {
        private final List<long[]> nanos = new ArrayList<>();
        private final ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
        private final long start = System.nanoTime();
        private final long own = ownCpu();
        private final long java = cpu(server);
        private final long postgres = postgresCpu();

        synchronized void add(long[] more) {
            nanos.add(more);
        }

        void print(String what) throws IOException {
            double time = (System.nanoTime() - start) / 1e9;
            long[] all = nanos.stream().flatMapToLong(LongStream::of).sorted().toArray();
            System.out.printf(
                    Locale.ROOT,
                    "%-58s %,7.0f/s  p50 %6.1f ms  p95 %6.1f ms  max %7.1f ms  CPU: server %.2f, PostgreSQL %.2f, generator %.2f%s%n",
                    what,
                    all.length / time,
                    at(all, 0.5),
                    at(all, 0.95),
                    at(all, 1),
                    (cpu(server) - java) / 1e9 / time,
                    (postgresCpu() - postgres) / 1e9 / time,
                    (ownCpu() - own) / 1e9 / time,
                    failures.isEmpty()
                            ? ""
                            : "  " + failures.size() + " failed, such as " + failures.peek());
        }

        private static double at(long[] sorted, double share) {
            return sorted.length == 0
                    ? 0
                    : sorted[(int) Math.min(sorted.length - 1, sorted.length * share)] / 1e6;
        }
    }

    private static long ownCpu() {
        return ((com.sun.management.OperatingSystemMXBean)
                        ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }

    /** Fields 14 to 17 of proc(5), in hundredths of a second: its own, and of children that ended. */
    private static long cpu(ProcessHandle process) {
        try {
            String stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            return 10_000_000L
                    * (Long.parseLong(fields[11])
                            + Long.parseLong(fields[12])
                            + Long.parseLong(fields[13])
                            + Long.parseLong(fields[14]));
        } catch (IOException e) {
            return 0;
        }
    }

    private long postgresCpu() {
        try {
            long pid =
                    Long.parseLong(
                            Files.readAllLines(data.resolve("postgres/cluster/postmaster.pid"))
                                    .getFirst());
            ProcessHandle postmaster = ProcessHandle.of(pid).orElseThrow();
            try (Stream<ProcessHandle> children = postmaster.children()) {
                return cpu(postmaster) + children.mapToLong(BenchFleet::cpu).sum();
            }
        } catch (IOException e) {
            return 0;
        }
    }
}
