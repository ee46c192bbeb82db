import { useEffect, useState } from "react";

/** The image that `make` gives of something: undefined until it is known, null where there is none. */
export function useImage<T>(
  of: T | null,
  make: (of: T, signal: AbortSignal) => Promise<string | null>,
): string | null | undefined {
  const [image, setImage] = useState<string | null | undefined>(undefined);
  useEffect(() => {
    let made: string | null = null;
    const gone = new AbortController();
    setImage(undefined);
    if (of !== null) {
      make(of, gone.signal)
        .catch(() => null)
        .then((url) => {
          made = url;
          if (gone.signal.aborted && url) URL.revokeObjectURL(url);
          else if (!gone.signal.aborted) setImage(url);
        });
    }
    return () => {
      gone.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [of, make]);
  return image;
}
