package dev.rebootless.diff;

/** How control comes to a function and leaves it, as its object shows it. */
final class Routing {
    private Routing() {}

    /**
     * Whether ftrace can send its calls elsewhere. By the table that ftrace reads, or, where no
     * tool has made it yet, by the call itself.
     */
    static boolean isTraceable(ObjectModel model, Item function) {
        Architecture architecture = model.architecture();
        return model.entries(function).stream()
                        .anyMatch(e ->
                                e.table().section().equals("__mcount_loc")
                                        || e.table()
                                                .section()
                                                .equals("__patchable_function_entries"))
                || model.references(function).stream()
                        .anyMatch(r ->
                                r.target() instanceof Target.External external
                                        && architecture
                                                .tracers()
                                                .contains(external.symbol().name()));
    }

    /** Whether a field is in an instruction that calls, and leaves a return address. */
    static boolean isCall(ObjectModel model, Item from, Reference reference) {
        return from.section().isExecutable()
                && model.architecture()
                        .isCall(
                                from.section(),
                                from.offset() + reference.offset(),
                                reference.type());
    }

    /** Whether a field is in a branch or call, so that the address goes nowhere else. */
    static boolean isBranch(ObjectModel model, Item from, Reference reference) {
        return from.section().isExecutable()
                && model.architecture()
                        .isBranch(
                                from.section(),
                                from.offset() + reference.offset(),
                                reference.type());
    }

    /**
     * Whether a part of a function certainly leaves it neither by a return nor by a jump to
     * another: it ends in a trap, an endless loop, or a call that does not come back.
     */
    static boolean neverLeaves(ObjectModel model, Item part) {
        if (model.architecture().mayReturn(part.section(), part.offset(), part.end())) {
            return false;
        }
        return model.references(part).stream()
                .filter(r -> isBranch(model, part, r) && !isCall(model, part, r))
                .allMatch(r ->
                        r.target() instanceof Target.InItem in && isOneFunction(part, in.item()));
    }

    /** Whether the two are a function and the rarely executed part cut from it, or one of them. */
    static boolean isOneFunction(Item one, Item other) {
        return Names.hotPart(one.name()).equals(Names.hotPart(other.name()));
    }
}
