package dev.rebootless.fleet.api;

import dev.rebootless.base.Problem;
import dev.rebootless.fleet.account.Accounts;
import dev.rebootless.fleet.web.Access;
import dev.rebootless.fleet.web.Answer;
import dev.rebootless.fleet.web.Fields;
import dev.rebootless.fleet.web.HttpFault;
import dev.rebootless.fleet.web.Request;
import dev.rebootless.fleet.web.Route;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** The first administrator, by the link that the server's first start prints. */
public final class SetupApi {
    private static final String SECRET = "[A-Za-z0-9_-]{43}";

    /**
     * A page without a build of its own: it sends what was typed as JSON, and shows what came back.
     * Nothing in it comes from the address; the script reads that itself.
     */
    private static final String PAGE =
            """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Rebootless: the first administrator</title>
            <style>body{font:1rem sans-serif;max-width:30rem;margin:4rem auto;padding:0 1rem}
            label{display:block;margin:1rem 0}input{display:block;width:100%;font:inherit}</style>
            <h1>The first administrator</h1>
            <form>
            <label>Name <input name="name" required pattern="[a-z0-9][a-z0-9._\\-]*" autocomplete="username"></label>
            <label>Password, 12 characters or more
            <input name="password" type="password" required minlength="12" autocomplete="new-password"></label>
            <button>Make the account</button>
            </form>
            <p role="status"></p>
            <script>
            document.forms[0].addEventListener('submit', async event => {
              event.preventDefault();
              const form = new FormData(event.target);
              const answer = await fetch('/setup', {method: 'POST', body: JSON.stringify({
                schemaVersion: 1,
                token: new URLSearchParams(location.search).get('token') ?? '',
                name: form.get('name'), password: form.get('password')})});
              const document_ = await answer.json();
              document.querySelector('[role=status]').textContent = answer.ok
                ? 'Done. This link is of no use any more.'
                : document_.problems.map(p => p.message + ': ' + p.remedy).join(' ');
            });
            </script>
            """;

    private final Accounts accounts;

    /** For accounts. */
    public SetupApi(Accounts accounts) {
        this.accounts = accounts;
    }

    /** All routes. */
    public List<Route> routes() {
        Access open = new Access.Open("the one-time token is the right");
        return List.of(
                Route.get("/setup", open, SetupApi::page), Route.post("/setup", open, this::setUp));
    }

    private static Answer page(Request request) {
        Answer page = Answer.text("text/html; charset=utf-8", PAGE);
        return new Answer(
                page.status(),
                page.type(),
                java.util.Map.of("Referrer-Policy", "no-referrer", "Cache-Control", "no-store"),
                page.content());
    }

    private Answer setUp(Request request) {
        Fields fields = request.json();
        String secret = fields.text("token", 64);
        String name = AccountApi.name(fields);
        String password = AccountApi.newPassword(fields);
        Accounts.Account account =
                (secret.matches(SECRET)
                                ? accounts.setUp(secret, name, password)
                                : java.util.Optional.<Accounts.Account>empty())
                        .orElseThrow(() ->
                                new HttpFault(
                                        HttpFault.Status.NOT_ALLOWED,
                                        new Problem(
                                                "RBL-FLEET-SETUP",
                                                "",
                                                "the link is not valid, or was used, or has expired",
                                                "while there is no account, each start of the server"
                                                        + " prints a new one")));
        SequencedMap<String, Object> document = new LinkedHashMap<>();
        document.put("name", account.name());
        document.put("role", account.role().word());
        return Answer.document(document).withStatus(201);
    }
}
