package dev.rebootless.fleet.api;

import dev.rebootless.base.Problem;
import dev.rebootless.fleet.account.Accounts;
import dev.rebootless.fleet.account.Caller;
import dev.rebootless.fleet.account.Role;
import dev.rebootless.fleet.account.Scope;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.Answer;
import dev.rebootless.fleet.web.Fields;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Request;
import dev.rebootless.fleet.web.Route;
import dev.rebootless.fleet.web.Texts;
import java.time.Duration;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import java.util.UUID;

/** Accounts and their tokens. */
public final class AccountApi {
    /** NIST SP 800-63B, section 5.1.1.2: at least 8 characters; people who run fleets take more. */
    private static final int SHORTEST_PASSWORD = 12;

    private static final int LONGEST_PASSWORD = 200;
    private static final long LONGEST_TOKEN_SECONDS = Duration.ofDays(366).toSeconds();

    private final Accounts accounts;

    /** For accounts. */
    public AccountApi(Accounts accounts) {
        this.accounts = accounts;
    }

    /** All routes. */
    public List<Route> routes() {
        Access administrator = new Access.Account(Role.ADMINISTRATOR, Scope.ADMINISTER);
        Access own = new Access.Account(Role.VIEWER, Scope.ADMINISTER);
        return List.of(
                Route.post(
                        "/api/v1/sessions",
                        new Access.Open("name and password in it are the right"),
                        this::login),
                Route.get(
                        "/api/v1/me", new Access.Account(Role.VIEWER, Scope.READ), AccountApi::me),
                Route.get("/api/v1/accounts", administrator, this::list),
                Route.post("/api/v1/accounts", administrator, this::add),
                Route.put("/api/v1/accounts/{account}", administrator, this::change),
                Route.get("/api/v1/tokens", own, this::tokens),
                Route.post("/api/v1/tokens", own, this::addToken),
                Route.delete("/api/v1/tokens/{token}", own, this::removeToken));
    }

    /** A name as an account may have it. */
    static String name(Fields fields) {
        String name = fields.text("name", 64);
        if (!name.matches("[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")) {
            throw HttpFault.notUnderstood(
                    fields.place(),
                    "the field name has other characters than lower-case letters, digits, and .-_"
                            + " between them");
        }
        return name;
    }

    /** A password that somebody chose. */
    static String newPassword(Fields fields) {
        String password = fields.text("password", LONGEST_PASSWORD);
        if (password.length() < SHORTEST_PASSWORD) {
            throw HttpFault.notUnderstood(
                    fields.place(),
                    "the field password has less than " + SHORTEST_PASSWORD + " characters");
        }
        return password;
    }

    private Answer login(Request request) {
        Fields fields = request.json();
        Accounts.Login login =
                accounts.login(
                        Texts.kept(fields.text("name", 64), 64),
                        fields.text("password", LONGEST_PASSWORD));
        return switch (login) {
            case Accounts.LoggedIn in -> made(in.token());
            case Accounts.Wrong _ ->
                    throw new HttpFault(
                            HttpFault.Status.NOT_AUTHENTIC,
                            new Problem(
                                    "RBL-FLEET-LOGIN",
                                    "",
                                    "name or password is wrong",
                                    "try again, or ask an administrator"));
            case Accounts.TooMany many ->
                    throw new HttpFault(
                            HttpFault.Status.TOO_MANY,
                            new Problem(
                                    "RBL-FLEET-LIMIT",
                                    "",
                                    "there were too many wrong passwords for this name",
                                    "wait %d minutes".formatted(many.pause().toMinutes())));
        };
    }

    private static Answer made(Accounts.MadeToken token) {
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("id", token.id());
        document.put("token", token.secret());
        document.put("expires", token.expires().toString());
        return Answer.document(document);
    }

    private static Answer me(Request request) {
        Caller caller = request.account();
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("name", caller.name());
        document.put("role", caller.role().word());
        document.put("scopes", words(caller.scopes()));
        return Answer.document(document);
    }

    private static List<String> words(Set<Scope> scopes) {
        return scopes.stream().map(Scope::word).sorted().toList();
    }

    private Answer list(Request request) {
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("accounts", accounts.all().stream().map(AccountApi::account).toList());
        return Answer.document(document);
    }

    private static SequencedMap<String, Object> account(Accounts.Account account) {
        SequencedMap<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", account.id());
        fields.put("name", account.name());
        fields.put("role", account.role().word());
        fields.put("disabled", account.disabled());
        fields.put("created", account.created().toString());
        return fields;
    }

    private static Role role(Fields fields) {
        return Role.of(fields.text("role", 20))
                .orElseThrow(() ->
                        HttpFault.notUnderstood(
                                fields.place(),
                                "the field role is none of viewer, operator, approver, administrator"));
    }

    private Answer add(Request request) {
        Fields fields = request.json();
        String name = name(fields);
        Optional<String> password =
                fields.has("password") ? Optional.of(newPassword(fields)) : Optional.empty();
        Accounts.Account account =
                accounts.add(name, role(fields), password, request.account().name())
                        .orElseThrow(() ->
                                new HttpFault(
                                        HttpFault.Status.CONTRADICTION,
                                        new Problem(
                                                "RBL-FLEET-ACCOUNT",
                                                name,
                                                "there is an account of this name already",
                                                "choose another name, or change that account")));
        return Answer.document(account(account)).withStatus(201);
    }

    private Answer change(Request request) {
        Fields fields = request.json();
        String given = request.parameter("account");
        UUID id = Texts.uuid(given).orElseThrow(() -> noAccount(given));
        boolean disabled = fields.optionalFlag("disabled").orElse(false);
        return switch (accounts.change(id, role(fields), disabled, request.account().name())) {
            case DONE -> done();
            case UNKNOWN -> throw noAccount(given);
            case LAST_ADMINISTRATOR ->
                    throw new HttpFault(
                            HttpFault.Status.CONTRADICTION,
                            new Problem(
                                    "RBL-FLEET-ACCOUNT",
                                    given,
                                    "it is the only administrator",
                                    "make another one first"));
        };
    }

    /** An answer that says no more than that it was done. */
    static Answer done() {
        return Answer.document(new LinkedHashMap<>());
    }

    private static HttpFault noAccount(String given) {
        return HttpFault.unknown(Texts.kept(given, 64), "there is no such account");
    }

    private Answer tokens(Request request) {
        Caller caller = request.account();
        boolean all = caller.may(Role.ADMINISTRATOR, Scope.ADMINISTER);
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put(
                "tokens",
                accounts.tokens(all ? Optional.empty() : Optional.of(caller.account())).stream()
                        .map(AccountApi::token)
                        .toList());
        return Answer.document(document);
    }

    private static SequencedMap<String, Object> token(Accounts.Token token) {
        SequencedMap<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", token.id());
        fields.put("account", token.account());
        fields.put("name", token.name());
        fields.put("scopes", words(token.scopes()));
        fields.put("created", token.created().toString());
        fields.put("expires", token.expires().toString());
        return fields;
    }

    /** Nobody gives away more than what the own token may. */
    private Answer addToken(Request request) {
        Fields fields = request.json();
        Caller caller = request.account();
        Set<Scope> scopes = EnumSet.noneOf(Scope.class);
        for (String word : fields.texts("scopes", 20)) {
            scopes.add(
                    Scope.of(word)
                            .orElseThrow(() ->
                                    HttpFault.notUnderstood(
                                            fields.place(),
                                            "the field scopes has one that there is not")));
        }
        if (scopes.isEmpty()) {
            throw HttpFault.notUnderstood(fields.place(), "the field scopes is empty");
        }
        if (!caller.scopes().containsAll(scopes)) {
            throw new HttpFault(
                    HttpFault.Status.NOT_ALLOWED,
                    new Problem(
                            "RBL-FLEET-ROLE",
                            caller.name(),
                            "a token cannot have scopes that the token that makes it has not",
                            "make it with a session, or with less scopes"));
        }
        return made(accounts.addToken(
                        caller,
                        Texts.kept(fields.text("name", 64), 64),
                        scopes,
                        Duration.ofSeconds(
                                fields.number("expiresInSeconds", 60, LONGEST_TOKEN_SECONDS)),
                        caller.name()))
                .withStatus(201);
    }

    private Answer removeToken(Request request) {
        String given = request.parameter("token");
        if (!Texts.uuid(given)
                .map(id -> accounts.removeToken(id, request.account()))
                .orElse(false)) {
            throw HttpFault.unknown(Texts.kept(given, 64), "there is no such token of yours");
        }
        return done();
    }
}
