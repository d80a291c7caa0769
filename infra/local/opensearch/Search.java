import org.codelibs.opensearch.runner.OpenSearchRunner;
import org.opensearch.http.HttpInfo;

/**
 * Starts one OpenSearch node on a free port of the loopback address, in the folder named by the one
 * argument, and says "listening on PORT" when it answers. Ends when its input ends, which is when
 * whoever started it is gone, however that came about.
 */
public class Search {
    public static void main(String[] arguments) throws Exception {
        Thread.ofPlatform().daemon().start(Search::endWithParent);
        var runner = new OpenSearchRunner();
        runner.onBuild((number, settings) -> {
            settings.put("network.host", "127.0.0.1");
            settings.put("http.port", "0");
            settings.put("transport.port", "0");
            settings.put("discovery.type", "single-node");
            settings.put("cluster.routing.allocation.disk.threshold_enabled", "false");
            // A laptop's searches come in bursts after minutes of quiet.
            settings.put("search.max_open_pit_context", "300");
        });
        runner.build(OpenSearchRunner.newConfigs().basePath(arguments[0]).numOfNode(1).clusterName("roost").useLogger());
        runner.ensureYellow();
        var nodes = runner.client().admin().cluster().prepareNodesInfo().get().getNodes();
        var port = nodes.get(0).getInfo(HttpInfo.class).getAddress().publishAddress().getPort();
        System.out.println("listening on " + port);
        Thread.currentThread().join();
    }

    private static void endWithParent() {
        try {
            while (System.in.read() >= 0) { }
        } catch (java.io.IOException gone) {
            // As good as its end.
        }
        Runtime.getRuntime().halt(0);
    }
}
