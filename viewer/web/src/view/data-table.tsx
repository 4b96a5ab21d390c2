// A table of many rows, of which only those in sight exist. The first cell of a row is a button, if the row does something.

import { type ComponentChildren } from "preact";
import { VirtualList } from "./virtual-list.js";

export interface Column {
  name: string;
  number?: boolean;
  /** sorted is whether the table is sorted by it; null if it can't be. */
  sorted?: "ascending" | "descending" | "none";
  onSort?: () => void;
}

export interface DataRow {
  key: string | number;
  cells: ComponentChildren[];
  title?: string;
  onClick?: () => void;
  /** hung has a row stand out. */
  hung?: boolean;
}

interface Props {
  label: string;
  /** class fixes the widths of the columns. */
  class: string;
  columns: Column[];
  count: number;
  row: (i: number) => DataRow;
  children?: ComponentChildren;
}

/** DataTable shows its children between head and rows. */
export function DataTable({ label, columns, count, row, children, ...rest }: Props) {
  return (
    <div class={`data-table ${rest.class}-table`} role="table" aria-label={label} aria-rowcount={count + 1}>
      <div role="rowgroup">
        <div class={`row head ${rest.class}`} role="row">
          {columns.map((column) => (
            <Head key={column.name} column={column} />
          ))}
        </div>
      </div>
      {children}
      <VirtualList
        count={count}
        rowHeight={26}
        role="rowgroup"
        label={label}
        row={(i) => {
          const one = row(i);
          return <Row key={one.key} row={one} i={i} columns={columns} class={rest.class} />;
        }}
      />
    </div>
  );
}

function Head({ column }: { column: Column }) {
  const arrow = column.sorted === "descending" ? " ↓" : column.sorted === "ascending" ? " ↑" : "";
  return (
    <span role="columnheader" class={column.number ? "num" : ""} aria-sort={column.sorted}>
      {column.onSort ? (
        <button onClick={column.onSort}>
          {column.name}
          {arrow}
        </button>
      ) : (
        column.name
      )}
    </span>
  );
}

function Row({ row, i, columns, ...rest }: { row: DataRow; i: number; columns: Column[]; class: string }) {
  return (
    <div
      class={`row ${rest.class}`}
      role="row"
      aria-rowindex={i + 2}
      title={row.title}
      data-hung={row.hung}
      data-does={Boolean(row.onClick)}
      onClick={row.onClick}
    >
      {row.cells.map((cell, k) => (
        <span key={k} role="cell" class={columns[k].number ? "num" : "cell"}>
          {k === 0 && row.onClick ? <button class="cell-button">{cell}</button> : cell}
        </span>
      ))}
    </div>
  );
}
