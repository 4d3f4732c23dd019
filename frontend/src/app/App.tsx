import { MantineProvider, createTheme } from "@mantine/core";
import { QueryClient, QueryClientProvider, useQuery } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import { ApiError } from "@/api/client";
import { loadMe, MeContext } from "@/api/me";
import { ErrorBox, Loading } from "@/components/states";
import { live } from "@/live/socket";
import { setSiteZone } from "@/lib/time";
import { router } from "./router";

const theme = createTheme({ fontFamily: "var(--font)", respectReducedMotion: true });

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      refetchOnWindowFocus: false,
      // Only what may pass by itself is tried again; a refusal stays a refusal.
      retry: (failures, error) => failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});

function Boot(): ReactNode {
  const me = useQuery({ queryKey: ["me"], queryFn: loadMe, staleTime: Infinity });
  const zone = me.data?.site_time_zone;
  if (zone) setSiteZone(zone);
  useEffect(() => {
    if (zone) live.start();
  }, [zone]);
  if (me.data) {
    return (
      <MeContext value={me.data}>
        <RouterProvider router={router} />
      </MeContext>
    );
  }
  if (me.isError) return <ErrorBox what="Starting the console" error={me.error} retry={() => void me.refetch()} />;
  return <Loading what="the console" />;
}

export function App(): ReactNode {
  return (
    // Mantine's own <style> tags are off: the content security policy allows style files only.
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={queries}>
        <Boot />
      </QueryClientProvider>
    </MantineProvider>
  );
}
