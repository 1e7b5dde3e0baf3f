/** Reading that is more than one GET, for a component. */

import { useEffect, useRef, useState } from "../vendor/preact.js";

/**
 * Run something that reads; again when what it depends on changes. What was read before is shown
 * until then, so that nothing jumps and the focus stays where it is.
 * @param {(() => Promise<any>)|null} read null: nothing to read yet
 * @param {any[]} on what it depends on
 * @returns {{data: any, error: Error|null, reload: () => void}} as `Loaded` takes it
 */
export function useTask(read, on) {
  const [shown, setShown] = useState({ data: null, error: null });
  const [turn, setTurn] = useState(0);
  const asked = useRef(0);
  useEffect(() => {
    asked.current += 1;
    const mine = asked.current;
    const tell = (answer) => { if (asked.current === mine) setShown({ data: null, error: null, ...answer }); };
    read?.().then((data) => tell({ data }), (error) => tell({ error }));
    return () => { asked.current += 1; };
  }, [...on, turn]);
  return { ...shown, reload: () => setTurn((before) => before + 1) };
}
