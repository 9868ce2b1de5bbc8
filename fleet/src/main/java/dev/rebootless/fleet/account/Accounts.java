package dev.rebootless.fleet.account;

import dev.rebootless.fleet.store.AuditLog;
import dev.rebootless.fleet.store.Database;
import dev.rebootless.fleet.store.TokenStore;
import java.security.SecureRandom;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Base64;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;

/**
 * Accounts, and the tokens by which programs and people act as one. Of tokens and links the
 * database has hashes alone; who may do what is asked of it at each request, so that whoever is
 * disabled is so at once, in all processes.
 */
public final class Accounts {
    /** What a token begins with, so that one that leaked is recognized. */
    private static final String TOKEN_PREFIX = "rbl_";

    private static final Duration SETUP_LASTS = Duration.ofHours(24);
    private static final Duration SESSION_LASTS = Duration.ofHours(12);

    /** Wrong passwords for a name before it has to wait. */
    private static final int MOST_FAILURES = 5;

    private static final Duration FAILURES_COUNT = Duration.ofMinutes(15);

    private final Jdbi jdbi;
    private final AuditLog audit;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();

    /** In a database. */
    public Accounts(Database database, AuditLog audit, Clock clock) {
        this.jdbi = database.jdbi();
        this.audit = audit;
        this.clock = clock;
    }

    /** An account, without its password. */
    public record Account(UUID id, String name, Role role, boolean disabled, Instant created) {}

    /** A token, without its secret. */
    public record Token(
            UUID id,
            String account,
            String name,
            Set<Scope> scopes,
            Instant created,
            Instant expires) {
        public Token {
            scopes = Set.copyOf(scopes);
        }
    }

    /**
     * A token that was just made: the only time that its secret is seen.
     *
     * @param secret what is sent as {@code Authorization: Bearer …}
     */
    public record MadeToken(UUID id, String secret, Instant expires) {}

    /** A secret of 256 random bits, in 43 characters of Base64url. */
    public String newSecret() {
        byte[] bytes = new byte[32];
        random.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    // ---- the first administrator ----

    /**
     * A one-time link's secret, while there is no account; of those made before none is valid any
     * more.
     */
    public Optional<String> newSetupSecret() {
        String secret = newSecret();
        return jdbi.inTransaction(handle -> {
            lockAccounts(handle);
            if (count(handle) > 0) {
                return Optional.empty();
            }
            handle.execute("DELETE FROM setup_link");
            handle.createUpdate(
                            "INSERT INTO setup_link (sha256, expires) VALUES (:sha256, :expires)")
                    .bind("sha256", TokenStore.sha256(secret))
                    .bind("expires", clock.instant().plus(SETUP_LASTS))
                    .execute();
            return Optional.of(secret);
        });
    }

    /**
     * Makes the first administrator.
     *
     * @return empty when the secret is not that of a link that is still valid
     */
    public Optional<Account> setUp(String secret, String name, String password) {
        Instant now = clock.instant();
        String hash = Passwords.hash(password);
        return jdbi.inTransaction(handle -> {
            lockAccounts(handle);
            int used =
                    handle.createUpdate(
                                    """
                                    UPDATE setup_link SET used = :now
                                    WHERE sha256 = :sha256 AND used IS NULL AND expires > :now
                                    """)
                            .bind("now", now)
                            .bind("sha256", TokenStore.sha256(secret))
                            .execute();
            return used == 1 && count(handle) == 0
                    ? Optional.of(
                            insert(handle, name, Role.ADMINISTRATOR, Optional.of(hash), "setup"))
                    : Optional.empty();
        });
    }

    private static void lockAccounts(Handle handle) {
        handle.execute("LOCK TABLE account IN SHARE ROW EXCLUSIVE MODE");
    }

    private static int count(Handle handle) {
        return handle.createQuery("SELECT count(*) FROM account").mapTo(Integer.class).one();
    }

    // ---- accounts ----

    /**
     * Makes an account.
     *
     * @param password empty for one that only has tokens
     * @return empty when the name is taken
     */
    public Optional<Account> add(String name, Role role, Optional<String> password, String actor) {
        Optional<String> hash = password.map(Passwords::hash);
        try {
            return Optional.of(
                    jdbi.inTransaction(handle -> insert(handle, name, role, hash, actor)));
        } catch (RuntimeException e) {
            if (Database.isDuplicate(e)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private Account insert(
            Handle handle, String name, Role role, Optional<String> hash, String actor) {
        Account account = new Account(UUID.randomUUID(), name, role, false, clock.instant());
        handle.createUpdate(
                        """
                        INSERT INTO account (id, name, role, password, created)
                        VALUES (:id, :name, :role, :password, :created)
                        """)
                .bind("id", account.id())
                .bind("name", name)
                .bind("role", role.word())
                .bind("password", hash)
                .bind("created", account.created())
                .execute();
        audit.of(actor, clock.instant())
                .write(handle, "account.made", name, Map.of("role", role.word()));
        return account;
    }

    /** All accounts, by name. */
    public List<Account> all() {
        return jdbi.withHandle(handle ->
                handle.createQuery(
                                "SELECT id, name, role, disabled, created FROM account ORDER BY name")
                        .map((row, _) -> account(row))
                        .list());
    }

    private static Account account(ResultSet row) throws SQLException {
        return new Account(
                row.getObject("id", UUID.class),
                row.getString("name"),
                role(row),
                row.getBoolean("disabled"),
                row.getTimestamp("created").toInstant());
    }

    private static Role role(ResultSet row) throws SQLException {
        return Role.of(row.getString("role")).orElse(Role.VIEWER);
    }

    /** What came of a change to an account. */
    public enum Changed {
        DONE,
        UNKNOWN,
        /** There would be no administrator any more. */
        LAST_ADMINISTRATOR
    }

    /** Gives an account a role, and lets it in or not. */
    public Changed change(UUID id, Role role, boolean disabled, String actor) {
        return jdbi.inTransaction(handle -> {
            lockAccounts(handle);
            Optional<String> name =
                    handle.createQuery("SELECT name FROM account WHERE id = :id")
                            .bind("id", id)
                            .mapTo(String.class)
                            .findOne();
            if (name.isEmpty()) {
                return Changed.UNKNOWN;
            }
            boolean another =
                    handle.createQuery(
                                            """
                                            SELECT count(*) FROM account
                                            WHERE role = :role AND NOT disabled AND id <> :id
                                            """)
                                    .bind("role", Role.ADMINISTRATOR.word())
                                    .bind("id", id)
                                    .mapTo(Integer.class)
                                    .one()
                            > 0;
            if (!another && (disabled || role != Role.ADMINISTRATOR)) {
                return Changed.LAST_ADMINISTRATOR;
            }
            handle.createUpdate(
                            "UPDATE account SET role = :role, disabled = :disabled WHERE id = :id")
                    .bind("role", role.word())
                    .bind("disabled", disabled)
                    .bind("id", id)
                    .execute();
            audit.of(actor, clock.instant())
                    .write(
                            handle,
                            "account.changed",
                            name.get(),
                            Map.of("role", role.word(), "disabled", String.valueOf(disabled)));
            return Changed.DONE;
        });
    }

    // ---- tokens ----

    /** Makes a token of an account. */
    public MadeToken addToken(
            Caller owner, String name, Set<Scope> scopes, Duration lasts, String actor) {
        String secret = TOKEN_PREFIX + newSecret();
        UUID id = UUID.randomUUID();
        Instant now = clock.instant();
        Instant expires = now.plus(lasts);
        jdbi.useTransaction(handle -> {
            handle.createUpdate(
                            """
                            INSERT INTO api_token (
                                id, sha256, account, name, scopes, created, expires)
                            SELECT :id, :sha256, :account, :name,
                                string_to_array(:scopes, ' '), :now, :expires
                            """)
                    .bind("id", id)
                    .bind("sha256", TokenStore.sha256(secret))
                    .bind("account", owner.account())
                    .bind("name", name)
                    .bind(
                            "scopes",
                            scopes.stream()
                                    .map(Scope::word)
                                    .sorted()
                                    .collect(Collectors.joining(" ")))
                    .bind("now", now)
                    .bind("expires", expires)
                    .execute();
            audit.of(actor, now)
                    .write(handle, "token.made", owner.name(), Map.of("token", id.toString()));
        });
        return new MadeToken(id, secret, expires);
    }

    /** The tokens of an account, or of all. */
    public List<Token> tokens(Optional<UUID> account) {
        return jdbi.withHandle(handle ->
                handle.createQuery(
                                """
                                SELECT t.id, a.name AS account, t.name, t.scopes, t.created, t.expires
                                FROM api_token t JOIN account a ON a.id = t.account
                                WHERE (:account::uuid IS NULL OR a.id = :account) AND t.expires > :now
                                ORDER BY t.created, t.id
                                """)
                        .bind("account", account)
                        .bind("now", clock.instant())
                        .map((row, _) ->
                                new Token(
                                        row.getObject("id", UUID.class),
                                        row.getString("account"),
                                        row.getString("name"),
                                        scopes(row),
                                        row.getTimestamp("created").toInstant(),
                                        row.getTimestamp("expires").toInstant()))
                        .list());
    }

    private static Set<Scope> scopes(ResultSet row) throws SQLException {
        Set<Scope> scopes = EnumSet.noneOf(Scope.class);
        for (String word : Arrays.asList((String[]) row.getArray("scopes").getArray())) {
            Scope.of(word).ifPresent(scopes::add);
        }
        return scopes;
    }

    /**
     * Makes a token invalid: one's own, or anybody's for an administrator.
     *
     * @return false when there is none that this caller may
     */
    public boolean removeToken(UUID id, Caller caller) {
        boolean anybodys = caller.may(Role.ADMINISTRATOR, Scope.ADMINISTER);
        return jdbi.inTransaction(handle -> {
            int removed =
                    handle.createUpdate(
                                    """
                                    DELETE FROM api_token
                                    WHERE id = :id AND (:anybodys OR account = :account)
                                    """)
                            .bind("id", id)
                            .bind("anybodys", anybodys)
                            .bind("account", caller.account())
                            .execute();
            if (removed == 1) {
                audit.of(caller.name(), clock.instant())
                        .write(handle, "token.removed", id.toString(), Map.of());
            }
            return removed == 1;
        });
    }

    /** Whose token it is; empty when it is nobody's, or not valid any more. */
    public Optional<Caller> callerOf(String secret) {
        if (!secret.startsWith(TOKEN_PREFIX)) {
            return Optional.empty();
        }
        return jdbi.withHandle(handle ->
                handle.createQuery(
                                """
                                SELECT a.id, a.name, a.role, t.scopes FROM api_token t
                                JOIN account a ON a.id = t.account
                                WHERE t.sha256 = :sha256 AND t.expires > :now AND NOT a.disabled
                                """)
                        .bind("sha256", TokenStore.sha256(secret))
                        .bind("now", clock.instant())
                        .map((row, _) ->
                                new Caller(
                                        row.getObject("id", UUID.class),
                                        row.getString("name"),
                                        role(row),
                                        scopes(row)))
                        .findOne());
    }

    // ---- people ----

    /** What came of a login. */
    public sealed interface Login {}

    /** A token with all scopes. */
    public record LoggedIn(MadeToken token, Account account) implements Login {}

    /** Name or password is wrong; which of the two is not said. */
    public record Wrong() implements Login {}

    /** There were too many wrong passwords for this name. */
    public record TooMany(Duration pause) implements Login {}

    /** Lets a person in for some hours. */
    public Login login(String name, String password) {
        Instant now = clock.instant();
        if (failures(name, now) >= MOST_FAILURES) {
            return new TooMany(FAILURES_COUNT);
        }
        Optional<Secret> secret =
                jdbi.withHandle(handle ->
                        handle.createQuery(
                                        """
                                        SELECT id, name, role, disabled, created, password
                                        FROM account
                                        WHERE name = :name AND NOT disabled AND password IS NOT NULL
                                        """)
                                .bind("name", name)
                                .map((row, _) ->
                                        new Secret(account(row), row.getString("password")))
                                .findOne());
        if (secret.isEmpty()) {
            Passwords.matchNobody(password);
        }
        if (secret.filter(s -> Passwords.matches(password, s.hash())).isEmpty()) {
            jdbi.useHandle(handle ->
                    handle.createUpdate("INSERT INTO failed_login (name, at) VALUES (:name, :now)")
                            .bind("name", name)
                            .bind("now", now)
                            .execute());
            return new Wrong();
        }
        Account account = secret.get().account();
        Caller caller = new Caller(account.id(), name, account.role(), EnumSet.allOf(Scope.class));
        return new LoggedIn(
                addToken(caller, "session", caller.scopes(), SESSION_LASTS, name), account);
    }

    private record Secret(Account account, String hash) {}

    private int failures(String name, Instant now) {
        return jdbi.withHandle(handle ->
                handle.createQuery(
                                "SELECT count(*) FROM failed_login WHERE name = :name AND at > :since")
                        .bind("name", name)
                        .bind("since", now.minus(FAILURES_COUNT))
                        .mapTo(Integer.class)
                        .one());
    }

    /** Removes what is of no use any more. */
    public void removeOld() {
        Instant now = clock.instant();
        jdbi.useHandle(handle -> {
            handle.createUpdate("DELETE FROM failed_login WHERE at < :since")
                    .bind("since", now.minus(FAILURES_COUNT))
                    .execute();
            handle.createUpdate("DELETE FROM api_token WHERE expires < :now")
                    .bind("now", now)
                    .execute();
        });
    }
}
