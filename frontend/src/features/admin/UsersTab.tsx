import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { post, request } from "@/api/client";
import { usePages } from "@/api/pages";
import type { User } from "@/api/types";
import { CommandButton, Dialog, Field, FormError } from "@/components/controls";
import { DataTable, More } from "@/components/DataTable";
import { ErrorBox, Loading } from "@/components/states";
import { dateTime } from "@/lib/time";
import { newPassword, Roles, SecretDialog, USER_ROLES } from "./parts";

function UserDialog({ user, onClose }: { user: User | null; onClose: (password?: string) => void }): ReactNode {
  const queries = useQueryClient();
  const [username, setUsername] = useState(user?.username ?? "");
  const [roles, setRoles] = useState<ReadonlySet<string>>(new Set(user?.roles ?? ["viewer"]));
  const [isActive, setActive] = useState(user?.is_active ?? true);
  const save = useMutation({
    mutationFn: async () => {
      if (user) {
        await request(`users/${user.mrid}`, { method: "PATCH", body: { roles: [...roles], is_active: isActive } });
        return undefined;
      }
      const password = newPassword();
      await post("users", { username: username.trim(), password, roles: [...roles] });
      return password;
    },
    onSuccess: (password) => {
      void queries.invalidateQueries({ queryKey: ["users"] });
      onClose(password);
    },
  });
  return (
    <Dialog title={user ? `User ${user.username}` : "New user"} onClose={() => onClose()}>
      {!user && (
        <Field label="Login name" hint="A password is made and shown once.">
          {(ids) => <input {...ids} className="input" data-autofocus autoComplete="off" value={username} onChange={(e) => setUsername(e.target.value)} />}
        </Field>
      )}
      <Roles all={USER_ROLES} value={roles} onChange={setRoles} />
      {user && (
        <label className="check">
          <input type="checkbox" checked={isActive} onChange={(e) => setActive(e.target.checked)} />
          may log in
        </label>
      )}
      <FormError error={save.error} />
      <div className="row">
        <CommandButton kind="primary" permission="accounts.write" blocked={username.trim() ? "" : "Give a login name"} disabled={save.isPending} onClick={() => save.mutate()}>
          Save
        </CommandButton>
        <button type="button" className="btn" onClick={() => onClose()}>
          Back
        </button>
      </div>
    </Dialog>
  );
}

export function UsersTab(): ReactNode {
  const users = usePages<User>("users");
  const [open, setOpen] = useState<User | "new" | null>(null);
  const [secret, setSecret] = useState("");
  const reset = useMutation({
    mutationFn: async (user: User) => {
      const password = newPassword();
      await post(`users/${user.mrid}/password`, { password });
      return password;
    },
    onSuccess: setSecret,
  });
  if (users.isLoading) return <Loading what="users" />;
  if (users.error) return <ErrorBox what="Loading users" error={users.error} retry={users.refetch} />;
  return (
    <>
      <div className="row">
        <CommandButton permission="accounts.write" onClick={() => setOpen("new")}>
          New user
        </CommandButton>
      </div>
      <FormError error={reset.error} />
      <DataTable
        label="Users"
        rows={users.rows}
        rowKey={(u) => u.mrid}
        dimmed={(u) => !u.is_active}
        columns={[
          { key: "username", head: "Login name", cell: (u) => u.username, sort: (u) => u.username },
          { key: "name", head: "Name", cell: (u) => u.full_name },
          { key: "roles", head: "Roles", cell: (u) => u.roles.join(", ") },
          { key: "active", head: "May log in", cell: (u) => (u.is_active ? "yes" : "no") },
          { key: "last", head: "Last login", cell: (u) => dateTime(u.last_login) },
          {
            key: "do",
            head: <span className="sr-only">Actions</span>,
            cell: (u) => (
              <span className="row">
                <CommandButton permission="accounts.write" onClick={() => setOpen(u)}>
                  Edit
                </CommandButton>
                <CommandButton permission="accounts.write" onClick={() => reset.mutate(u)}>
                  New password
                </CommandButton>
              </span>
            ),
          },
        ]}
      />
      <More shown={users.rows.length} hasMore={users.hasMore} busy={users.busy} onMore={users.more} what="users" />
      {open && (
        <UserDialog
          user={open === "new" ? null : open}
          onClose={(password) => {
            setOpen(null);
            setSecret(password ?? "");
          }}
        />
      )}
      {secret && <SecretDialog what="Password" secret={secret} onClose={() => setSecret("")} />}
    </>
  );
}
