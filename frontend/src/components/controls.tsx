import { Modal } from "@mantine/core";
import { useId, type ButtonHTMLAttributes, type ReactNode } from "react";
import { useMay } from "@/api/me";
import { useConnected } from "@/live/topics";
import { errorText } from "./states";

interface CommandProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  permission?: string;
  /** Why it cannot be used now; empty when it can. */
  blocked?: string;
  kind?: "primary" | "dangerous" | "";
}

/** A button that changes something: off, with the reason, while it must not be used. */
export function CommandButton({ permission = "", blocked = "", kind = "", ...rest }: CommandProps): ReactNode {
  const connected = useConnected();
  const may = useMay(permission) || permission === "";
  const reason = !connected
    ? "No connection to the DERMS: commands are off"
    : !may
      ? "Your role does not allow this"
      : blocked;
  return (
    <button
      type="button"
      {...rest}
      className={`btn ${kind}`}
      disabled={reason !== "" || rest.disabled}
      title={reason || rest.title}
    />
  );
}

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  size?: string | number;
}

export function Dialog({ title, onClose, children, size = 520 }: DialogProps): ReactNode {
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={size}
      // The library's scroll lock writes a <style> tag, which the content security policy forbids.
      lockScroll={false}
      transitionProps={{ duration: 0 }}
      closeButtonProps={{ "aria-label": "Close" }}
      centered
    >
      <div className="stack">{children}</div>
    </Modal>
  );
}

interface FieldProps {
  label: string;
  error?: string | undefined;
  hint?: string | undefined;
  children: (ids: { id: string; "aria-describedby": string; "aria-invalid": boolean }) => ReactNode;
}

/** Label, control, hint and error, tied together for screen readers. */
export function Field({ label, error, hint, children }: FieldProps): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label className="label" htmlFor={id}>
        {label}
      </label>
      {children({ id, "aria-describedby": `${id}-note`, "aria-invalid": Boolean(error) })}
      <span id={`${id}-note`} className={error ? "error" : "hint small"}>
        {error ?? hint ?? ""}
      </span>
    </div>
  );
}

interface SegmentsProps<T extends string> {
  label: string;
  value: T;
  onChange: (value: T) => void;
  options: readonly { value: T; text: string; disabled?: string | false | undefined }[];
}

export function Segments<T extends string>({ label, value, onChange, options }: SegmentsProps<T>): ReactNode {
  const name = useId();
  return (
    <fieldset className="field">
      <legend className="label">{label}</legend>
      <div className="seg">
        {options.map((option) => (
          <label key={option.value} title={option.disabled || undefined}>
            <input
              type="radio"
              name={name}
              checked={option.value === value}
              disabled={Boolean(option.disabled)}
              onChange={() => onChange(option.value)}
            />
            {option.text}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface PickProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: readonly (readonly [value: string, text: string])[];
  all?: string;
}

/** A native choice: keyboard, screen reader and touch for nothing. */
export function Pick({ label, value, onChange, options, all }: PickProps): ReactNode {
  return (
    <select className="input" aria-label={label} value={value} onChange={(e) => onChange(e.target.value)}>
      {all !== undefined && <option value="">{all}</option>}
      {options.map(([key, text]) => (
        <option key={key} value={key}>
          {text}
        </option>
      ))}
    </select>
  );
}

export function FormError({ error }: { error: unknown }): ReactNode {
  if (!error) return null;
  return (
    <div className="banner" role="alert">
      <span className="danger">{errorText(error)}</span>
    </div>
  );
}
