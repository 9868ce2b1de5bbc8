package dev.rebootless.fleet.api;

import dev.rebootless.fleet.account.Accounts;
import dev.rebootless.fleet.account.Role;
import dev.rebootless.fleet.account.Scope;
import dev.rebootless.fleet.store.TokenStore;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.Answer;
import dev.rebootless.fleet.web.Fields;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Request;
import dev.rebootless.fleet.web.Route;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** Enrolment tokens: each makes one machine a host. */
public final class EnrolmentApi {
    /** What a tag may be. */
    public static final String TAG = "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?";

    /** What an enrolment token begins with, so that one that leaked is recognized. */
    public static final String PREFIX = "rbe_";

    private static final long LONGEST_SECONDS = Duration.ofDays(30).toSeconds();

    private final TokenStore tokens;
    private final Accounts accounts;

    /** For tokens. */
    public EnrolmentApi(TokenStore tokens, Accounts accounts) {
        this.tokens = tokens;
        this.accounts = accounts;
    }

    /** All routes. */
    public List<Route> routes() {
        return List.of(
                Route.post(
                        "/api/v1/enrolment-tokens",
                        new Access.Account(Role.OPERATOR, Scope.ENROL),
                        this::add));
    }

    private Answer add(Request request) {
        Fields fields = request.json();
        String tag = fields.text("tag", 32);
        if (!tag.matches(TAG)) {
            throw HttpFault.notUnderstood(
                    request.path(),
                    "the field tag is not of lower-case letters, digits and hyphens between them");
        }
        Instant expires =
                request.now().plusSeconds(fields.number("expiresInSeconds", 60, LONGEST_SECONDS));
        String token = PREFIX + accounts.newSecret();
        tokens.add(token, tag, request.now(), expires, request.account().name());
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("token", token);
        document.put("tag", tag);
        document.put("expires", expires.toString());
        return Answer.document(document).withStatus(201);
    }
}
