import { useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { usePages } from "@/api/pages";
import type { Organisation } from "@/api/types";
import { DataTable, More } from "@/components/DataTable";
import { ErrorBox, Loading } from "@/components/states";
import { Tabs } from "@/components/Tabs";
import { ClientsTab } from "./ClientsTab";
import { UsersTab } from "./UsersTab";

function OrganisationsTab(): ReactNode {
  const found = usePages<Organisation>("organisations");
  if (found.isLoading) return <Loading what="organisations" />;
  if (found.error) return <ErrorBox what="Loading organisations" error={found.error} retry={found.refetch} />;
  return (
    <>
      <DataTable
        label="Organisations"
        rows={found.rows}
        rowKey={(o) => o.mrid}
        columns={[
          { key: "name", head: "Name", cell: (o) => o.name, sort: (o) => o.name },
          { key: "kind", head: "Kind", cell: (o) => o.kind, sort: (o) => o.kind },
          { key: "active", head: "Active", cell: (o) => (o.is_active ? "yes" : "no") },
          { key: "mrid", head: "mRID", cell: (o) => <span className="mono">{o.mrid}</span> },
        ]}
      />
      <More shown={found.rows.length} hasMore={found.hasMore} busy={found.busy} onMore={found.more} what="organisations" />
    </>
  );
}

export function AdminPage(): ReactNode {
  const { tab = "users" } = useSearch({ from: "/admin" });
  return (
    <div className="page">
      <div className="page-head">
        <h1>Users and clients</h1>
      </div>
      <Tabs
        label="Kinds of accounts"
        current={tab}
        tabs={[
          ["users", "Users"],
          ["clients", "API clients"],
          ["organisations", "Organisations"],
        ]}
      />
      {tab === "users" && <UsersTab />}
      {tab === "clients" && <ClientsTab />}
      {tab === "organisations" && <OrganisationsTab />}
    </div>
  );
}
