package dev.rebootless.diff;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Section anchors (gcc's -fsection-anchors, the default for aarch64, ppc64le and s390x): code loads
 * the address of one variable and reaches its neighbours in the section by the displacements of
 * loads and stores. Such an address field does not tell which variable is meant.
 */
final class Anchors {
    private Anchors() {}

    /**
     * Whether an address field only names a place that code may start from on its way to any of
     * several pieces of data.
     */
    static boolean isAnchor(ObjectModel model, Item from, Reference reference) {
        return isCompilersOwn(model, from)
                && reference.target() instanceof Target.InItem(Item to, long d, long place)
                && !to.section().isExecutable()
                && model.architecture()
                        .mayBeAnchor(
                                from.section(),
                                from.offset() + reference.offset(),
                                reference.type())
                && model.itemsIn(to.section()).size() > 1
                // An anchor has no name that the assembler would keep.
                && model.relocation(from, reference)
                        .filter(r -> r.symbol().isSectionSymbol())
                        .isPresent();
    }

    private static boolean isCompilersOwn(ObjectModel model, Item item) {
        return item.section().isExecutable()
                || model.architecture().constantBytes(item.section().name()) > 0;
    }

    /**
     * What lies in the same place in both sections that two pieces of equal code start from, if the
     * sections have equal layouts: else the code does not tell what pairs.
     */
    static Map<Item, Item> inTheSamePlaces(
            ObjectModel original, Item ours, ObjectModel patched, Item theirs) {
        Map<Item, Item> pairs = new LinkedHashMap<>();
        List<Reference> before = original.references(ours);
        List<Reference> after = patched.references(theirs);
        for (int i = 0; i < Math.min(before.size(), after.size()); i++) {
            if (isAnchor(original, ours, before.get(i))
                    && before.get(i).target() instanceof Target.InItem(Item from, long d1, long p1)
                    && after.get(i).target() instanceof Target.InItem(Item to, long d2, long p2)) {
                List<Item> left = original.itemsIn(from.section());
                List<Item> right = patched.itemsIn(to.section());
                int count = areAlike(left, right) ? left.size() : 0;
                for (int k = 0; k < count; k++) {
                    pairs.put(left.get(k), right.get(k));
                }
            }
        }
        return pairs;
    }

    private static boolean areAlike(List<Item> left, List<Item> right) {
        if (left.size() != right.size()) {
            return false;
        }
        for (int i = 0; i < left.size(); i++) {
            Item a = left.get(i);
            Item b = right.get(i);
            if (a.offset() != b.offset()
                    || a.size() != b.size()
                    || a.symbols().isEmpty() != b.symbols().isEmpty()
                    || (!a.symbols().isEmpty()
                            && !Names.base(a.name()).equals(Names.base(b.name())))) {
                return false;
            }
        }
        return true;
    }
}
