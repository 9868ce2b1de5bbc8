package dev.rebootless.base;

import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A value that is made when it is first asked for, once; when that fails, it is tried again. */
public final class Lazy<T> {
    private final Supplier<T> maker;
    private volatile @Nullable T value;

    /** Made by a supplier. */
    public Lazy(Supplier<T> maker) {
        this.maker = maker;
    }

    /** The value, made now if need be. */
    public T get() {
        T made = value;
        if (made == null) {
            synchronized (this) {
                made = value;
                if (made == null) {
                    made = maker.get();
                    value = made;
                }
            }
        }
        return made;
    }
}
