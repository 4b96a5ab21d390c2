// The help: all keys, from the table by which they work; and short hints for who is here for the first time.

import { Fragment } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { bindings, keyName } from "../model/keys.js";
import { helpOpen, hintsSeen, main, store } from "./app-state.js";
import { IconButton } from "./parts.js";

const groups = ["Move", "Select", "Find", "Show"] as const;

export function Help() {
  const el = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (helpOpen.value && !el.current!.open) el.current!.showModal();
    if (!helpOpen.value && el.current!.open) el.current!.close();
  }, [helpOpen.value]);
  return (
    <dialog
      ref={el}
      class="help"
      aria-label="Keys"
      onClose={() => {
        helpOpen.value = false;
      }}
      onClick={(e) => {
        if (e.target === el.current) helpOpen.value = false;
      }}
    >
      <div class="help-in">
        <header>
          <h2>Keys</h2>
          <IconButton
            icon="close"
            title="Close (Esc)"
            onClick={() => {
              helpOpen.value = false;
            }}
          />
        </header>
        <div class="help-groups">
          {groups.map((group) => (
            <section key={group}>
              <h3>{group}</h3>
              <dl>
                {bindings
                  .filter((b) => b.group === group)
                  .map((b) => (
                    <Fragment key={b.command}>
                      <dt>
                        {b.keys.map((key) => (
                          <kbd key={key}>{keyName(key)}</kbd>
                        ))}
                      </dt>
                      <dd>{b.help}</dd>
                    </Fragment>
                  ))}
              </dl>
            </section>
          ))}
          <section>
            <h3>Pointer</h3>
            <dl>
              <dt>Drag</dt>
              <dd>move</dd>
              <dt>
                <kbd>Shift</kbd> drag
              </dt>
              <dd>select a range; also on the ruler</dd>
              <dt>Wheel</dt>
              <dd>scroll the tracks</dd>
              <dt>
                <kbd>Ctrl</kbd> wheel, pinch
              </dt>
              <dd>zoom</dd>
              <dt>
                <kbd>Shift</kbd> wheel
              </dt>
              <dd>earlier, later</dd>
            </dl>
          </section>
        </div>
      </div>
    </dialog>
  );
}

export function Hints() {
  if (hintsSeen.value || !main.value?.treeVersion.value || !main.value.tree.size) return null;
  const done = () => {
    hintsSeen.value = true;
    store("hints", "seen");
  };
  return (
    <aside class="hints" aria-label="Hints">
      <span>
        <kbd>W</kbd>
        <kbd>S</kbd> zoom
      </span>
      <span>
        <kbd>A</kbd>
        <kbd>D</kbd> move
      </span>
      <span>click a slice to see what it did and logged</span>
      <span>
        <kbd>/</kbd> search
      </span>
      <span>
        <kbd>?</kbd> all keys
      </span>
      <button class="quiet" onClick={done}>
        Got it
      </button>
    </aside>
  );
}
